"""Makes the user who looks after the to-do lists: owns them, may make databases, and reads the
oplog; no right on the server itself."""

import os

import pymongo

password = os.environ["password"]
client = pymongo.MongoClient("127.0.0.1", int(os.environ["port"]), username="root",
                             password=password, directConnection=True)
client.admin.command("createUser", "keeper", pwd=password, roles=[
    {"role": "dbOwner", "db": "todos"}, "readWriteAnyDatabase", "dbAdminAnyDatabase",
    {"role": "read", "db": "local"}])
