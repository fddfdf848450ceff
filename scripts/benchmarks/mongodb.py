"""MongoDB: against `mongodump` and `mongorestore`."""

import hashlib
import json
import os
import random
import shlex
import subprocess
import sys
from datetime import datetime, timedelta, timezone

from servers import CACHE

from . import bracket
from .contenders import Group, Pair
from .measure import Server

sys.path.insert(0, str(CACHE / "pymongo"))

# Scale 50 gives 1 million documents: about 450 MB.
DOCUMENTS_PER_SCALE = 20_000
LARGE_DOCUMENTS = 24
OPTIONS = ["--wiredTigerCacheSizeGB=2", "--oplogSize=2048"]


class Mongod(Server):
    """A replica set of one member, with a password."""

    def __init__(self, folder):
        super().__init__("local_mongod.py", folder, *OPTIONS)
        import pymongo
        self.folder = folder
        self.tools((CACHE / "mongodb-tools/bin").resolve())
        self.client = pymongo.MongoClient(self.url("admin"))
        # For the vendor's tools: no password in an argument list.
        self.config = folder / "tools.yaml"
        self.config.touch(mode=0o600)
        self.config.write_text(json.dumps({"uri": self.url("")}))

    def url(self, database):
        """For bookend, through its environment: no password in an argument list."""
        return (f"mongodb://root:{self.password}@127.0.0.1:{self.port}/{database}"
                f"?authSource=admin&directConnection=true")

    def tool(self, name, *words):
        command = [name, f"--config={self.config}", *words]
        subprocess.run(command, env=self.environment, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def drop(self, database):
        self.client.drop_database(database)

    def settle(self):
        """What the last command left to be written must not slow the next one."""
        self.client.admin.command("fsync", 1)
        os.sync()


def one(number):
    """A document of about 450 bytes, always the same one."""
    text = hashlib.md5(str(number).encode()).hexdigest()
    return {
        "title": f"{text} {number % 977}",
        "kind": ("view", "search", "basket", "checkout")[number % 4],
        "customer": number * 7919 % 100003,
        "amount": number % 1000003 / 100.0,
        "created": datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=7 * number),
        "agent": "Mozilla/5.0 (X11; Linux x86_64) " + text[::-1],
        "tags": [f"a{number % 31}", f"b{number % 307}", f"c{number % 3001}"],
        "address": {"street": f"Lindenweg {number % 180}", "city": "Leipzig",
                    "postcode": str(number * 37 % 99999)},
        "paid": number % 3 == 0,
        "note": None if number % 5 else text * 3,
        "visits": number % 50,
        "session": text + text[8:24],
    }


def documents(server, scale):
    """One collection with two secondary indexes."""
    def fill(database):
        count = DOCUMENTS_PER_SCALE * scale
        for first in range(0, count, 10_000):
            database.documents.insert_many(
                [one(number) for number in range(first, min(first + 10_000, count))])
        database.documents.create_index([("customer", 1), ("created", -1)])
        database.documents.create_index("title")
    return ensure(server, f"bench_{scale}", fill)


def large_documents(server, _scale):
    """Two collections of documents as large as can be; half of them no compression makes
    smaller."""
    def fill(database):
        noise = random.Random(42)
        for number in range(LARGE_DOCUMENTS):
            size = (16 << 20) - 64
            value = noise.randbytes(size) if number % 2 else b"bookend " * (size // 8)
            database[f"large_{number // 2 % 2}"].insert_one({"_id": number, "value": value})
    return ensure(server, "bench_large_2", fill)


def ensure(server, name, fill):
    """Makes the database unless it is there whole from an earlier run."""
    made = server.client.admin.bench_made
    if not made.find_one({"_id": name}):
        server.say(f"filling {name} (once)")
        server.client.drop_database(name)
        fill(server.client[name])
        made.insert_one({"_id": name})
    return name


GROUPS = [
    Group("mongodb-backup", "", documents,
          ["backup", "mongodump --archive --gzip", "mongodump --archive \\| zstd -1",
           "backup --consistent"],
          [Pair("backup", "mongodump --archive --gzip", 0.35),
           Pair("backup", "mongodump --archive \\| zstd -1", 1.15),
           Pair("backup --consistent", "backup", 1.3)], memory=160),
    Group("mongodb-restore", "", documents,
          ["restore --no-proof", "mongorestore --archive", "verify --prove"],
          [Pair("restore --no-proof", "mongorestore --archive", 0.85),
           Pair("verify --prove", "restore --no-proof", 1.25)], memory=160),
    Group("mongodb-large-documents", ", documents of 16 MB", large_documents,
          ["backup", "backup --consistent", "restore --no-proof", "verify --prove"], [],
          memory=160, runs=1),
    bracket.group("mongodb-bracket", documents, False, 160),
]

MIGRATION = """import os, sys
sys.path.insert(0, sys.argv[1])
import pymongo
database = pymongo.MongoClient(os.environ["MONGODB_URI"]).get_default_database()
database.bench_added.insert_one({"_id": 1})
database.bench_added.create_index("note")"""


class MongoBench(bracket.BracketBench):
    """The vendor's commands."""

    def prepare(self, group):
        self.environment["MONGODB_URI"] = self.environment["DATABASE_URL"]
        super().prepare(group)

    def migration(self):
        return [sys.executable, "-c", MIGRATION, str(CACHE / "pymongo")]

    def undo(self):
        self.server.client[self.database].drop_collection("bench_added")

    def dump_for_the_vendor(self):
        self.server.tool("mongodump", f"--db={self.database}",
                         f"--archive={self.work / 'source.archive'}")

    def theirs(self, name, into):
        config = f"--config={self.server.config}"
        if name == "mongorestore --archive":
            return [(["mongorestore", config, f"--archive={self.work / 'source.archive'}",
                      f"--nsInclude={self.database}.*", f"--nsFrom={self.database}.*",
                      "--nsTo=bench_copy.*"], None)]
        if name == bracket.READ:
            return [(["mongodump", config, f"--db={self.database}", "--archive=/dev/null"], None)]
        dump = ["mongodump", config, f"--db={self.database}"]
        if "zstd" in name:
            line = f"{shlex.join([*dump, '--archive'])} | zstd -1 -q -o {shlex.quote(str(into))}"
            return [(["bash", "-o", "pipefail", "-c", line], None)]
        return [([*dump, f"--archive={into}", "--gzip"], None)]
