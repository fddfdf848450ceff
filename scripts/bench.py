#!/usr/bin/env python3
"""Measures bookend against the vendor's own tools; see docs/benchmarks.md.

    scripts/bench.py                        everything, and writes docs/benchmarks.md
    scripts/bench.py --only mongodb         the groups of one engine
    scripts/bench.py --only backup          one group of commands (repeatable)
    scripts/bench.py --runs 3 --scale 2     a quick look: printed, not written

The data (about 2 GB and 450 MB at scale 50) is made once and kept under .cache/bench.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import mongodb, postgresql, table
from benchmarks.measure import Postgres
from servers import CACHE, ROOT, passable

PREFIX = Path("/usr/lib/postgresql/15")
FULL_SCALE, FULL_RUNS, CORES = 50, 5, 2
GROUPS = {"postgresql": postgresql.GROUPS, "mongodb": mongodb.GROUPS}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [*GROUPS, *(group.name for groups in GROUPS.values() for group in groups)]
    parser.add_argument("--only", action="append", choices=names, metavar="GROUP",
                        help=", ".join(names))
    parser.add_argument("--runs", type=int, default=FULL_RUNS)
    parser.add_argument("--scale", type=int, default=FULL_SCALE,
                        help="100,000 pgbench accounts, 40,000 rows and 20,000 documents each")
    parser.add_argument("--bookend", type=Path, default=ROOT / "target/release/bookend")
    parser.add_argument("--write", action="store_true",
                        help="write the page even when this was not the full measurement")
    return parser.parse_args()


def home(scale):
    """A folder that the server's user can reach and that stays."""
    folder = CACHE / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    if not passable(folder):
        folder = Path("/var/tmp/bookend-bench")
        folder.mkdir(exist_ok=True)
    return folder / f"scale-{scale}"


def version(*command):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()


def postgres_bench(folder, *about):
    server = Postgres(PREFIX, folder / "server")
    return postgresql.PostgresBench(server, *about)


def mongodb_bench(folder, *about):
    server = mongodb.Mongod(folder / "mongod")
    return mongodb.MongoBench(server, *about)


def wanted(options):
    """The groups to measure, by engine."""
    def chosen(engine, group):
        return not options.only or engine in options.only or group.name in options.only
    groups = {engine: [group for group in all_of if chosen(engine, group)]
              for engine, all_of in GROUPS.items()}
    return {engine: all_of for engine, all_of in groups.items() if all_of}


def versions(engines, bookend):
    """What was measured, in words."""
    found = []
    if "postgresql" in engines:
        found.append(version(PREFIX / "bin/pg_dump", "--version")
                     .replace("pg_dump (PostgreSQL)", "PostgreSQL"))
    if "mongodb" in engines:
        server = version(CACHE / "mongodb-6.0/bin/mongod", "--version").splitlines()[0]
        tools = version(CACHE / "mongodb-tools/bin/mongodump", "--version").splitlines()[0]
        found += [server.replace("db version v", "MongoDB "),
                  tools.replace("mongodump version: ", "its tools ")]
    return [*found, version(bookend, "--version")]


def main():
    options = arguments()
    groups = wanted(options)
    needs = [(options.bookend, "make build")]
    if "postgresql" in groups:
        needs.append((PREFIX / "bin/pgbench", "make debian-packages"))
    if "mongodb" in groups:
        needs += [(CACHE / name, "make servers") for name in ("mongodb-6.0", "mongodb-tools", "pymongo")]
    for needed, remedy in needs:
        if not needed.exists():
            sys.exit(f"error: there is no {needed}; hint: {remedy}")
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    # Inherited by the servers and by everything measured.
    os.sched_setaffinity(0, cores)
    folder = home(options.scale)
    folder.mkdir(exist_ok=True)
    for engine, start in [("postgresql", postgres_bench), ("mongodb", mongodb_bench)]:
        if engine in groups:
            about = table.about(options.runs, options.scale,
                                versions([engine], options.bookend), len(cores))
            bench = start(folder, options.bookend.resolve(), folder / "work", options.scale)
            measured(bench, groups[engine], options, folder / f"{engine}.json")
            text = table.markdown(GROUPS[engine], kept(folder / f"{engine}.json"), about)
            print(text)
            if options.write or (options.scale, options.runs) == (FULL_SCALE, FULL_RUNS):
                table.write(ROOT / "docs/benchmarks.md", engine, text)
    return 0


def kept(path):
    """What was measured until now: groups that are left out keep their figures."""
    return json.loads(path.read_text()) if path.exists() else {}


def measured(bench, groups, options, path):
    results = kept(path)
    try:
        for group in groups:
            results[group.name] = bench.run(group, options.runs)
            path.write_text(json.dumps(results, indent=1))
    finally:
        bench.server.close()


if __name__ == "__main__":
    sys.exit(main())
