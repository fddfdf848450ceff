"""Makes the user who looks after the to-do lists: rights on databases, none on the server."""

import os

import pymongo

password = os.environ["password"]
client = pymongo.MongoClient("127.0.0.1", int(os.environ["port"]), username="root",
                             password=password, directConnection=True)
client.admin.command("createUser", "keeper", pwd=password, roles=[
    "readWriteAnyDatabase", "dbAdminAnyDatabase", {"role": "read", "db": "local"}])
