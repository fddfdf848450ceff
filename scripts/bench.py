#!/usr/bin/env python3
"""Measures bookend against the vendor's own tools; see docs/benchmarks.md.

    scripts/bench.py                        everything, and writes docs/benchmarks.md
    scripts/bench.py --only backup          one group of commands (repeatable)
    scripts/bench.py --runs 3 --scale 2     a quick look: printed, not written

The data (about 2 GB at scale 50) is made once and kept under .cache/bench.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import table
from benchmarks.contenders import GROUPS, Bench
from benchmarks.measure import Server
from servers import CACHE, ROOT, passable

PREFIX = Path("/usr/lib/postgresql/15")
FULL_SCALE, FULL_RUNS, CORES = 50, 5, 2


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    names = [group.name for group in GROUPS]
    parser.add_argument("--only", action="append", choices=names, metavar="GROUP",
                        help=", ".join(names))
    parser.add_argument("--runs", type=int, default=FULL_RUNS)
    parser.add_argument("--scale", type=int, default=FULL_SCALE,
                        help="100,000 pgbench accounts and 40,000 documents each")
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


def main():
    options = arguments()
    for needed, remedy in [(options.bookend, "make build"),
                           (PREFIX / "bin/pgbench", "make debian-packages")]:
        if not needed.exists():
            sys.exit(f"error: there is no {needed}; hint: {remedy}")
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    # Inherited by the server and by everything measured.
    os.sched_setaffinity(0, cores)
    folder = home(options.scale)
    folder.mkdir(exist_ok=True)
    kept = folder / "results.json"
    results = json.loads(kept.read_text()) if kept.exists() else {}
    server = Server(PREFIX, folder / "server")
    try:
        for group in GROUPS:
            if not options.only or group.name in options.only:
                bench = Bench(server, options.bookend.resolve(), folder / "work", options.scale)
                results[group.name] = bench.run(group, options.runs)
                kept.write_text(json.dumps(results, indent=1))
    finally:
        server.close()
    versions = [version(PREFIX / "bin/pg_dump", "--version").replace("pg_dump (PostgreSQL)",
                                                                     "PostgreSQL"),
                version(options.bookend, "--version")]
    about = table.about(options.runs, options.scale, versions, len(cores))
    text = table.markdown(results, about)
    print(text)
    if options.write or (options.scale, options.runs) == (FULL_SCALE, FULL_RUNS):
        table.write(ROOT / "docs/benchmarks.md", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
