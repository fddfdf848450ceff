#!/usr/bin/env python3
"""Runs a PostgreSQL server of its own until stdin closes; for the demo and the benchmarks.

    scripts/local_server.py PREFIX FOLDER [NAME=VALUE …]

PREFIX holds bin/; FOLDER/data is made where there is none. Prints one line
`PORT PASSWORD SOCKETFOLDER` when the server takes connections. Stdin is the caller's hold on
it: however the caller ends, the server ends too. As root it runs under another user, since
PostgreSQL refuses root.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from servers import SERVER_UID, Problem, passable

SUPERUSER = "postgres"


def as_server_user():
    if os.geteuid() != 0:
        return {}
    return {"user": SERVER_UID, "group": SERVER_UID, "extra_groups": []}


def give_to_server_user(path):
    if os.geteuid() == 0:
        os.chown(path, SERVER_UID, SERVER_UID)


def run(*command):
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, cwd="/",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
                          **as_server_user())
    if done.returncode:
        raise Problem(f"{command[0]} failed:\n{done.stdout}")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def make_cluster(prefix, folder, password):
    file = folder / "password"
    file.write_text(password + "\n")
    file.chmod(0o600)
    give_to_server_user(file)
    # Into another name first, so that an interrupted initdb is not taken for a cluster.
    new = folder / "data.new"
    run("rm", "-rf", new)
    run(prefix / "bin/initdb", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8",
        f"--username={SUPERUSER}", f"--pwfile={file}", "--auth-host=scram-sha-256",
        "--auth-local=trust", f"--pgdata={new}")
    new.rename(folder / "data")


def start(prefix, folder, settings, sockets):
    log = folder / "log"
    for _ in range(5):
        port = free_port()
        words = [f"port={port}", f"unix_socket_directories={sockets}",
                 "listen_addresses=127.0.0.1", *settings]
        try:
            run(prefix / "bin/pg_ctl", "start", "-s", "-w", "-t", "120", "-D", folder / "data",
                "-l", log, "-o", " ".join(f"-c {word}" for word in words))
            return port
        except Problem:
            text = log.read_text(errors="replace")[-2000:]
            if "could not bind" not in text:
                raise Problem(f"PostgreSQL did not start; the end of {log}:\n{text}")
    raise Problem("no free port was found in five attempts")


def main():
    # Ctrl-C goes to the whole foreground group; the end of stdin is what counts here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    prefix, folder = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        give_to_server_user(folder)
        for needed in [prefix / "bin", folder]:
            if not passable(needed):
                raise Problem(f"uid {SERVER_UID}, which servers run as, cannot pass {needed}")
        password = folder / "password"
        if not (folder / "data").is_dir():
            make_cluster(prefix, folder, secrets.token_hex(12))
        with tempfile.TemporaryDirectory(prefix="bookend-", dir="/tmp") as sockets:
            os.chmod(sockets, 0o755)
            give_to_server_user(sockets)
            port = start(prefix, folder, sys.argv[3:], sockets)
            try:
                print(port, password.read_text().strip(), sockets, flush=True)
                sys.stdin.read()
            finally:
                run(prefix / "bin/pg_ctl", "stop", "-s", "-w", "-m", "fast", "-D", folder / "data")
    except Problem as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
