"""A field gets a better name: done becomes completed_at."""

import os

import pymongo

todos = pymongo.MongoClient(os.environ["MONGODB_URI"]).get_default_database()
todos.todos.update_many({}, [{"$set": {"completed_at": "$done_at"}}, {"$unset": "done"}])
todos.command("collMod", "open_todos", viewOn="todos", pipeline=[{"$match": {"completed_at": None}}])
