"""The whole bracket: `bookend run` against what it is made of, and rehearsals from a template."""

import json
import subprocess
from statistics import median

from .contenders import Bench, Group, Pair

RUN, READ, MIGRATION = "run", "one read", "the migration"
REHEARSAL = "rehearse from a template"
COPY = "rehearse from a template: its copy"
PARTS = "two backups + verify --prove + two migrations + one read"
SUM = {PARTS: [(2, "backup"), (1, "verify --prove"), (2, MIGRATION), (1, READ)]}


def group(name, database, templates, memory):
    """A bracket of this database; with templates where the engine has them."""
    commands = [RUN, "backup", "verify --prove", MIGRATION, READ, "restore --no-proof"]
    pairs = [Pair(RUN, PARTS, 1.05)]
    if templates:
        commands.append(REHEARSAL)
        pairs += [Pair(COPY, "restore --no-proof", 0.20),
                  Pair(REHEARSAL, "restore --no-proof", 0.20)]
    return Group(name, "", database, commands, pairs, memory=memory, sums=SUM)


class BracketBench(Bench):
    """What a bracket needs beside the commands of an engine: the engine says how a migration is
    run and undone, and what one read of everything is."""

    def migration(self):
        raise NotImplementedError

    def undo(self):
        raise NotImplementedError

    def prepare(self, group):
        self.steps = {}
        if RUN in group.commands:
            # Of a run that was interrupted.
            self.undo()
        super().prepare(group)
        if REHEARSAL in group.commands:
            self.rehearse("--template")

    def rehearse(self, *options):
        words = self.rehearsal(*options)
        subprocess.run(words, env=self.environment, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def rehearsal(self, *options):
        return [self.bookend, "rehearse", self.archive, "--json", "--prove-on", "env:DATABASE_URL",
                "--store", str(self.store), *options, "--", *self.migration()]

    def ours(self, name, into):
        if name == RUN:
            words = [self.bookend, "run", "env:DATABASE_URL", "--json", "--store", str(into),
                     "--", *self.migration()]
            return [(words, self.document())]
        if name == REHEARSAL:
            return [(self.rehearsal(), self.document())]
        if name == MIGRATION:
            return [(self.migration(), None)]
        return super().ours(name, into)

    def document(self):
        """Where the command's JSON goes."""
        self.told = self.work / "document.json"
        return open(self.told, "w")

    def one(self, name):
        figures = super().one(name)
        if name in (RUN, MIGRATION):
            self.undo()
        if name in (RUN, REHEARSAL):
            self.keep_steps(name, json.loads(self.told.read_text()))
        return figures

    def keep_steps(self, name, document):
        steps = self.steps.setdefault(name, {})
        for step in document["steps"]:
            steps.setdefault(step["step"], []).append(step.get("seconds") or 0)

    def finished(self, group, figures):
        """The seconds of each step, the warm-up left out, and what is derived from them."""
        for name, steps in self.steps.items():
            figures[name]["steps"] = {step: median(taken[1:]) for step, taken in steps.items()}
        copies = self.steps.get(REHEARSAL, {}).get("proof", [])[1:]
        if copies:
            figures[COPY] = {"seconds": median(copies), "fastest": min(copies),
                             "slowest": max(copies)}
            self.drop_templates()

    def drop_templates(self):
        listed = subprocess.run(
            [self.bookend, "copies", "list", "--json", "--on", "env:DATABASE_URL",
             "--store", str(self.store)], env=self.environment, check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for copy in json.loads(listed.stdout)["copies"]:
            if copy.get("template"):
                subprocess.run([self.bookend, "copies", "drop", copy["name"], "--on",
                                "env:DATABASE_URL", "--store", str(self.store), "-q"],
                               env=self.environment, check=True, stdout=subprocess.DEVNULL)


def steps_table(groups, results):
    """Seconds of each step of what was measured."""
    lines = []
    for group in groups:
        for name in (RUN, REHEARSAL):
            steps = results.get(group.name, {}).get(name, {}).get("steps")
            if steps:
                said = " · ".join(f"{step} {seconds:.2f}" for step, seconds in steps.items())
                lines.append(f"Seconds of the steps of `{name}`{group.title}: {said}.")
    return ["", *"\n\n".join(lines).splitlines()] if lines else []

