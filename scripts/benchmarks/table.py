"""Figures as Markdown, between two markers of docs/benchmarks.md for each engine."""

import platform
from pathlib import Path

from . import bracket
from .contenders import OURS

BEGIN, END = "<!-- {} figures: written by make bench -->", "<!-- end of {} figures -->"


def markdown(groups, results, about):
    """The tables for all groups that were measured, in their fixed order."""
    lines = [about, ""]
    lines += ["| bookend | against | seconds | seconds | ratio | to reach |",
              "| --- | --- | ---: | ---: | ---: | ---: |"]
    for group in groups:
        figures = results.get(group.name)
        for pair in group.pairs if figures else []:
            ours, theirs = figures[pair.ours], figures[pair.theirs]
            ratio = ours["seconds"] / theirs["seconds"]
            met = "" if ratio <= pair.limit else " (missed)"
            lines.append(f"| {pair.ours}{group.title} | {pair.theirs} | {spread(ours)} | {spread(theirs)} "
                         f"| {ratio:.2f}{met} | ≤ {pair.limit:.2f} |")
    lines += bracket.steps_table(groups, results)
    lines += ["", "| peak memory of bookend's process | MiB | to reach |", "| --- | ---: | ---: |"]
    for group in groups:
        for name in group.commands if group.name in results else []:
            if name in OURS:
                mib = results[group.name][name]["peak_kib"] / 1024
                met = "" if mib <= group.memory else " (missed)"
                lines.append(f"| {name}{group.title} | {mib:.0f}{met} | ≤ {group.memory} |")
    return "\n".join(lines)


def spread(figures):
    return f"{figures['seconds']:.2f} ({figures['fastest']:.2f} to {figures['slowest']:.2f})"


def about(runs, scale, versions, cores):
    """One paragraph: on what, with what."""
    model = next((line.split(":", 1)[1].strip() for line in
                  Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")),
                 platform.machine())
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    return (f"Median of {runs} (fastest to slowest), scale {scale}; {cores} cores of {model}, "
            f"{memory:.0f} GiB; {'; '.join(versions)}.")


def write(page, engine, text):
    """Puts the text between the engine's markers of the page."""
    begin, end = BEGIN.format(engine), END.format(engine)
    whole = page.read_text()
    before, rest = whole.split(begin, 1)
    _, after = rest.split(end, 1)
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}")
