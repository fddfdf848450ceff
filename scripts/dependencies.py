#!/usr/bin/env python3
"""Checks what the program is built from: licences and origins of all its dependencies.

Fails on a licence that is not permissive and on a crate that does not come from crates.io;
names the crates that are built in twice, which only their own authors can change.
"""

import json
import os
import re
import subprocess
import sys
from collections import defaultdict

PERMISSIVE = {
    "0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause",
    "BSL-1.0", "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0",
    "Unlicense", "Zlib",
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def permissive(expression):
    """Whether an SPDX expression can be satisfied with permissive licences only."""
    words = re.findall(r"\(|\)|[^\s()]+", expression.replace("/", " OR "))
    position = 0

    def alternatives():
        nonlocal position
        fine = all_of()
        while position < len(words) and words[position] == "OR":
            position += 1
            # Not `fine or …`: both sides must be read.
            fine = all_of() | fine
        return fine

    def all_of():
        nonlocal position
        fine = one()
        while position < len(words) and words[position] == "AND":
            position += 1
            fine = one() & fine
        return fine

    def one():
        nonlocal position
        if words[position] == "(":
            position += 1
            fine = alternatives()
            position += 1
            return fine
        name = words[position]
        position += 1
        if position < len(words) and words[position] == "WITH":
            name += " WITH " + words[position + 1]
            position += 2
        return name in PERMISSIVE

    return alternatives()


def built_in(metadata):
    """Ids of the crates that end up in the program: no tests, no build scripts."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    seen, todo = set(), [metadata["resolve"]["root"]]
    while todo:
        current = todo.pop()
        if current in seen:
            continue
        seen.add(current)
        for dependency in nodes[current]["deps"]:
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                todo.append(dependency["pkg"])
    return seen


def main():
    command = [os.environ.get("CARGO", "cargo"), "metadata", "--locked", "--format-version", "1",
               "--filter-platform", "x86_64-unknown-linux-gnu"]
    metadata = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    reached = {node["id"] for node in metadata["resolve"]["nodes"]}
    packages = [package for package in metadata["packages"] if package["id"] in reached]
    program = built_in(metadata)
    faults, versions = [], defaultdict(set)
    for package in packages:
        name = f"{package['name']} {package['version']}"
        if package["id"] == metadata["resolve"]["root"]:
            continue
        if not permissive(package["license"] or "none"):
            faults.append(f"{name}: licence {package['license']}")
        if package["source"] != REGISTRY:
            faults.append(f"{name}: comes from {package['source']}")
        if package["id"] in program:
            versions[package["name"]].add(package["version"])
    for fault in faults:
        print(f"error: {fault}", file=sys.stderr)
    twice = sorted(name for name, found in versions.items() if len(found) > 1)
    if twice:
        print(f"built in twice: {', '.join(twice)}")
    if not faults:
        print(f"{len(packages) - 1} dependencies, {len(program) - 1} of them in the program: "
              f"licences and origins are fine")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
