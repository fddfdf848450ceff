"""Moves to-dos from list to list until it is ended. Each move is one transaction: the number
of to-dos that a list says it has is right at every instant."""

import os
import random
import time

import pymongo

client = pymongo.MongoClient(os.environ["MONGODB_URI"])
database = client.get_default_database()
chance = random.Random(7)


def move(session):
    to = chance.randrange(400)
    found = database.todos.find_one_and_update(
        {"_id": chance.randrange(40_000)}, {"$set": {"list": to}}, session=session)
    database.lists.update_one({"_id": found["list"]}, {"$inc": {"todos": -1}}, session=session)
    database.lists.update_one({"_id": to}, {"$inc": {"todos": 1}}, session=session)


moved = 0
while True:
    with client.start_session() as one, one.start_transaction():
        move(one)
    moved += 1
    if moved == 100:
        print("busy", flush=True)
    time.sleep(0.001)
