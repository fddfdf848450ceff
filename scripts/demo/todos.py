"""Fills the database of the demo's to-do lists. Always the same documents: seeded."""

import os
import random
from datetime import datetime, timedelta, timezone

import pymongo

PEOPLE = ["Ada", "Björn", "Chloé", "Deniz", "Emil", "Fatma", "Grzegorz", "Hana", "Ines", "Jürgen"]
VERBS = ["Paint", "Order", "Measure", "Ship", "Return", "Count", "Oil", "Photograph"]
THINGS = ["the oak table", "a lamp", "four chairs", "the shelf", "bowls", "the wall clock"]
TODOS, LISTS = 40_000, 400
START = datetime(2024, 3, 1, 8, tzinfo=timezone.utc)


def todo(number, chance):
    created = START + timedelta(minutes=11 * number)
    done = chance.random() < 0.6
    return {
        "_id": number,
        "list": number % LISTS,
        "title": f"{chance.choice(VERBS)} {chance.choice(THINGS)}",
        "created_at": created,
        "done": created + timedelta(hours=chance.randrange(1, 400)) if done else None,
        "labels": chance.sample(["home", "shop", "urgent", "later", "phone"], k=number % 3),
        "reviewers": [{"name": name, "approved": chance.random() < 0.8}
                      for name in chance.sample(PEOPLE, k=chance.randrange(4))],
    }


def main():
    database = pymongo.MongoClient(os.environ["MONGODB_URI"]).get_default_database()
    chance = random.Random(42)
    database.lists.insert_many([{"_id": number, "name": f"List {number}",
                                 "owner": PEOPLE[number % len(PEOPLE)],
                                 "todos": TODOS // LISTS} for number in range(LISTS)])
    for first in range(0, TODOS, 5_000):
        database.todos.insert_many([todo(number, chance)
                                    for number in range(first, first + 5_000)])
    database.todos.create_index([("list", 1), ("created_at", -1)])
    database.todos.create_index("reviewers.name")
    database.create_collection("open_todos", viewOn="todos", pipeline=[{"$match": {"done": None}}])
    for name in ["todos", "lists"]:
        print(f"  {name:<8} {database[name].estimated_document_count():>7,} documents")


main()
