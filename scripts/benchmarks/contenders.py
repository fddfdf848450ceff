"""What is run against what, whatever the engine; the commands are in `postgresql` and `mongodb`."""

import shutil
import subprocess
from dataclasses import dataclass, field
from statistics import median

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
    # names of what is several commands one after the other: [(times, command)]
    sums: dict = field(default_factory=dict)
    figures: dict = field(default_factory=dict)


OURS = {"backup", "backup --consistent", "restore --no-proof", "verify --prove", "run",
        "rehearse from a template"}


class Bench:
    """Runs one group's commands in a work folder. An engine adds its own ones."""

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
                self.server.say(f"  {group.name:<20} {label:<12} {name:<30} {figures.seconds:7.2f} s "
                                f"{figures.cpu_seconds:7.2f} s of CPU"
                                + (f" {figures.peak_kib / 1024:6.0f} MiB" if name in OURS else ""))
                if turn:
                    taken[name].append(figures)
        figures = {name: {"seconds": median(f.seconds for f in all_of),
                       "fastest": min(f.seconds for f in all_of),
                       "slowest": max(f.seconds for f in all_of),
                       "cpu_seconds": median(f.cpu_seconds for f in all_of),
                       "peak_kib": max(f.peak_kib for f in all_of)}
                for name, all_of in taken.items()}
        for name, parts in group.sums.items():
            figures[name] = {key: sum(times * figures[part][key] for times, part in parts)
                             for key in ("seconds", "fastest", "slowest")}
        self.finished(group, figures)
        shutil.rmtree(self.work)
        return figures

    def finished(self, group, figures):
        """For what an engine's commands have told beside their time."""

    def prepare(self, group):
        shutil.rmtree(self.work, ignore_errors=True)
        self.store.mkdir(parents=True)
        # Of a run that was interrupted.
        self.server.drop("bench_copy")
        if any("restore" in name for name in group.commands):
            self.dump_for_the_vendor()
            command = [self.bookend, "backup", "env:DATABASE_URL", "--store", str(self.store), "-q"]
            subprocess.run(command, env=self.environment, check=True, stdin=subprocess.DEVNULL,
                           stdout=subprocess.DEVNULL)
            [self.archive] = [str(path) for path in self.store.glob("*.tar")]

    def one(self, name):
        self.server.settle()
        into = self.work / "into"
        try:
            return measure(self.ours(name, into) or self.theirs(name, into),
                           self.environment, self.log)
        finally:
            into.unlink() if into.is_file() else shutil.rmtree(into, ignore_errors=True)
            if "restore" in name:
                self.server.drop("bench_copy")

    def ours(self, name, into):
        """bookend's commands, the same for each engine."""
        words = {
            "backup": ["backup", "env:DATABASE_URL", "--store", str(into)],
            "backup --consistent": ["backup", "--consistent", "env:DATABASE_URL", "--store", str(into)],
        }
        if name in words:
            return [([self.bookend, *words[name]], None)]
        if name == "restore --no-proof":
            return [([self.bookend, "restore", self.archive, "--into", "bench_copy",
                      "--on", "env:DATABASE_URL", "--no-proof", "measuring",
                      "--store", str(self.store)], None)]
        if name == "verify --prove":
            return [([self.bookend, "verify", self.archive, "--prove",
                      "--prove-on", "env:DATABASE_URL", "--store", str(self.store)], None)]
        return None
