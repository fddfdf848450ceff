"""What a release brings: reviewers get a collection of their own, a field gets a better name."""

import os

import pymongo

todos = pymongo.MongoClient(os.environ["MONGODB_URI"]).get_default_database()

todos.todos.aggregate([
    {"$unwind": {"path": "$reviewers", "includeArrayIndex": "place"}},
    {"$project": {"_id": {"todo": "$_id", "place": "$place"},
                  "name": "$reviewers.name", "approved": "$reviewers.approved"}},
    {"$out": "reviewers"},
])
todos.reviewers.create_index("name")

todos.todos.drop_index("reviewers.name_1")
todos.todos.update_many({}, {"$unset": {"reviewers": ""}, "$rename": {"done": "completed_at"}})
todos.command("collMod", "open_todos", viewOn="todos", pipeline=[{"$match": {"completed_at": None}}])
