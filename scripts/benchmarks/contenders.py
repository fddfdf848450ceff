"""What is run against what."""

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from . import data
from .measure import measure


@dataclass
class Pair:
    """bookend's command, the other one, and the ratio that bookend is to reach."""

    ours: str
    theirs: str
    limit: float


@dataclass
class Group:
    """Commands over one database, measured in turns."""

    name: str
    title: str
    database: object
    commands: list
    pairs: list
    # MiB that bookend's own process may reach
    memory: int = 96
    runs: int = 0
    figures: dict = field(default_factory=dict)


GROUPS = [
    Group("backup", "", data.shop,
          ["backup", "pg_dump -Fc", "pg_dump -Fd -j2 -Z1", "COPY to /dev/null by two psql"],
          [Pair("backup", "pg_dump -Fc", 0.30), Pair("backup", "pg_dump -Fd -j2 -Z1", 0.75),
           Pair("backup", "COPY to /dev/null by two psql", 1.45)]),
    Group("restore", "", data.shop,
          ["restore --no-proof", "pg_restore -j2", "verify --prove"],
          [Pair("restore --no-proof", "pg_restore -j2", 1.00),
           Pair("verify --prove", "restore --no-proof", 1.30)]),
    Group("restore-without-gin", ", no GIN index", data.shop_without_gin,
          ["restore --no-proof", "pg_restore -j2"],
          [Pair("restore --no-proof", "pg_restore -j2", 1.00)]),
    Group("many-tables", ", 5,000 small tables", data.many_tables,
          ["backup", "pg_dump -Fd -j2"], [Pair("backup", "pg_dump -Fd -j2", 1.2)]),
    Group("large-value", ", one value of 60 MB", data.large_value,
          ["backup", "restore --no-proof", "verify --prove"], [], memory=384, runs=1),
]

OURS = {"backup", "restore --no-proof", "verify --prove"}


class Bench:
    """Runs one group's commands in a work folder."""

    def __init__(self, server, bookend, work, scale):
        self.server, self.bookend, self.work, self.scale = server, str(bookend), work, scale
        self.store = work / "store"
        self.log = work / "output"

    def run(self, group, runs):
        """Every command once to warm up, then in turns: forwards, backwards, forwards …"""
        self.database = group.database(self.server, self.scale)
        self.environment = dict(self.server.environment,
                                DATABASE_URL=self.server.url(self.database))
        self.prepare(group)
        runs = group.runs or runs
        taken = {name: [] for name in group.commands}
        for turn in range(runs + 1):
            for name in group.commands if turn % 2 == 0 else reversed(group.commands):
                figures = self.one(name)
                label = "warm-up" if turn == 0 else f"run {turn} of {runs}"
                self.server.say(f"  {group.name:<20} {label:<12} {name:<30} {figures.seconds:7.2f} s"
                                + (f" {figures.peak_kib / 1024:6.0f} MiB" if name in OURS else ""))
                if turn:
                    taken[name].append(figures)
        shutil.rmtree(self.work)
        return {name: {"seconds": median(f.seconds for f in all_of),
                       "fastest": min(f.seconds for f in all_of),
                       "slowest": max(f.seconds for f in all_of),
                       "peak_kib": max(f.peak_kib for f in all_of)}
                for name, all_of in taken.items()}

    def prepare(self, group):
        shutil.rmtree(self.work, ignore_errors=True)
        self.store.mkdir(parents=True)
        if any("restore" in name for name in group.commands):
            self.server.tool("pg_dump", "-Fd", "-j2", "-f", str(self.work / "source.dir"),
                             self.database)
            command = [self.bookend, "backup", "env:DATABASE_URL", "--store", str(self.store), "-q"]
            subprocess.run(command, env=self.environment, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            [self.archive] = [str(path) for path in self.store.glob("*.tar")]

    def one(self, name):
        self.server.settle()
        into = self.work / "into"
        try:
            return measure(self.commands(name, into), self.environment, self.log)
        finally:
            into.unlink() if into.is_file() else shutil.rmtree(into, ignore_errors=True)
            if "restore" in name:
                self.server.sql("postgres", "DROP DATABASE IF EXISTS bench_copy WITH (FORCE)")

    def commands(self, name, into):
        if name == "backup":
            return [([self.bookend, "backup", "env:DATABASE_URL", "--store", str(into)], None)]
        if name == "restore --no-proof":
            return [([self.bookend, "restore", self.archive, "--into", "bench_copy",
                      "--on", "env:DATABASE_URL", "--no-proof", "measuring",
                      "--store", str(self.store)], None)]
        if name == "verify --prove":
            return [([self.bookend, "verify", self.archive, "--prove",
                      "--prove-on", "env:DATABASE_URL", "--store", str(self.store)], None)]
        if name == "pg_restore -j2":
            return [(["sh", "-c", 'createdb -T template0 bench_copy && '
                      'exec pg_restore -j2 -d bench_copy "$0"', str(self.work / "source.dir")], None)]
        if name.startswith("COPY"):
            return self.floor()
        flags = name.split()[1:]
        return [(["pg_dump", *flags, "-f", str(into), self.database], None)]

    def floor(self):
        """Two psql, each with one half of every table's pages, into /dev/null."""
        rows = self.server.sql(self.database, """
            SELECT oid::regclass, relpages FROM pg_class
            WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY relpages DESC""")
        scripts = ["", ""]
        for number, row in enumerate(rows.splitlines()):
            table, pages = row.rsplit("|", 1)
            half = int(pages) // 2
            if half < 64:
                scripts[number % 2] += f"COPY {table} TO STDOUT;\n"
                continue
            scripts[0] += f"COPY (SELECT * FROM ONLY {table} WHERE ctid < '({half},0)') TO STDOUT;\n"
            scripts[1] += f"COPY (SELECT * FROM ONLY {table} WHERE ctid >= '({half},0)') TO STDOUT;\n"
        commands = []
        for number, script in enumerate(scripts):
            path = Path(self.work / f"floor-{number}.sql")
            path.write_text(script)
            commands.append((["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", self.database,
                              "-f", str(path)], subprocess.DEVNULL))
        return commands
