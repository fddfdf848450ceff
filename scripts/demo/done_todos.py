"""Prints what must not get lost: how many to-dos are done, and when the last one was."""

import os

import pymongo

todos = pymongo.MongoClient(os.environ["MONGODB_URI"]).get_default_database().todos
field = "done" if todos.find_one({"done": {"$ne": None}}) else "completed_at"
last = todos.find_one({field: {"$ne": None}}, sort=[(field, -1)])
print(f"{todos.count_documents({field: {'$ne': None}}):,} to-dos are done, "
      f"the last one at {last[field]:%Y-%m-%d %H:%M} ({field})" if last else "no to-do is done")
