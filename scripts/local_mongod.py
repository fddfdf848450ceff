#!/usr/bin/env python3
"""Runs a mongod of its own until stdin closes; for the demo and the benchmarks.

    scripts/local_mongod.py FOLDER [--OPTION=VALUE …]

A replica set of one member that asks for passwords; FOLDER/data is made where there is none.
Prints one line `PORT PASSWORD` when the server takes writes; the user is `root` of `admin`.
Stdin is the caller's hold on it: however the caller ends, the server ends too.
"""

import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from local_server import free_port
from servers import CACHE, Problem

sys.path.insert(0, str(CACHE / "pymongo"))

USER = "root"
PATIENCE = 60


def private(path, text):
    """A file that only its owner reads, made once."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(text)
    return path


def start(folder, port, options):
    log = folder / "log"
    command = [CACHE / "mongodb-6.0/bin/mongod", f"--dbpath={folder / 'data'}", f"--port={port}",
               f"--logpath={log}", "--bind_ip=127.0.0.1", "--nounixsocket", "--replSet=rs0",
               f"--keyFile={folder / 'key'}",
               "--setParameter=diagnosticDataCollectionEnabled=false", *options]
    # Its own session: Ctrl-C goes to the whole foreground group.
    return subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)


def client(port, password=None):
    import pymongo
    user = {"username": USER, "password": password} if password else {}
    return pymongo.MongoClient("127.0.0.1", port, directConnection=True,
                               serverSelectionTimeoutMS=500, **user)


def until(deadline, server, work):
    """Repeats `work` while the server does not answer or says no."""
    from pymongo.errors import PyMongoError
    while True:
        try:
            done = work()
            if done:
                return done
        except PyMongoError:
            pass
        if server.poll() is not None or time.monotonic() > deadline:
            raise Problem("mongod did not start")
        time.sleep(0.05)


def make_writable(server, port, password, fresh):
    """Makes the replica set and the user the first time; later only says where it is now."""
    deadline = time.monotonic() + PATIENCE
    member = {"_id": 0, "host": f"127.0.0.1:{port}"}
    admin = client(port, None if fresh else password).admin
    until(deadline, server, lambda: admin.command("ping"))
    if fresh:
        admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
    else:
        config = admin.command("replSetGetConfig")["config"]
        if config["members"][0]["host"] != member["host"]:
            config["members"][0]["host"] = member["host"]
            config["version"] += 1
            admin.command("replSetReconfig", config, force=True)
    until(deadline, server, lambda: admin.command("hello")["isWritablePrimary"])
    if fresh:
        admin.command("createUser", USER, pwd=password, roles=["root"])


def main():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    private(folder / "key", secrets.token_hex(24))
    password = private(folder / "password", secrets.token_hex(12)).read_text()
    ready = folder / "ready"
    fresh = not ready.exists()
    if fresh:
        # What an interrupted first start left behind is of no use.
        subprocess.run(["rm", "-rf", str(folder / "data")], check=True)
    (folder / "data").mkdir(exist_ok=True)
    port = free_port()
    server = start(folder, port, sys.argv[2:])
    try:
        make_writable(server, port, password, fresh)
        ready.touch()
        print(port, password, flush=True)
        sys.stdin.read()
    except Problem as problem:
        words = (folder / "log").read_text(errors="replace")[-1000:] if (folder / "log").exists() else ""
        print(f"error: {problem}; the end of {folder / 'log'}:\n{words}", file=sys.stderr)
        return 1
    finally:
        server.terminate()
        server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
