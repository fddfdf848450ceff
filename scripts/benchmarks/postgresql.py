"""PostgreSQL: against `pg_dump` and `pg_restore`."""

import subprocess
from pathlib import Path

from . import bracket, data
from .contenders import Group, Pair

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
    bracket.group("bracket", data.bracketed_shop, True, 96),
]

MIGRATION = """CREATE INDEX bench_note ON small_1 (note);
ALTER TABLE small_2 ADD COLUMN checked boolean NOT NULL DEFAULT false;
CREATE TABLE bench_added (id bigserial PRIMARY KEY, note text);"""
UNDO = """DROP TABLE IF EXISTS bench_added; DROP INDEX IF EXISTS bench_note;
ALTER TABLE small_2 DROP COLUMN IF EXISTS checked;"""


class PostgresBench(bracket.BracketBench):
    """The vendor's commands."""

    def prepare(self, group):
        # Where psql goes that is not told otherwise.
        self.environment["PGDATABASE"] = self.database
        super().prepare(group)

    def migration(self):
        return ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", MIGRATION]

    def undo(self):
        self.server.sql(self.database, UNDO)

    def dump_for_the_vendor(self):
        self.server.tool("pg_dump", "-Fd", "-j2", "-f", str(self.work / "source.dir"),
                         self.database)

    def theirs(self, name, into):
        if name == "pg_restore -j2":
            return [(["sh", "-c", 'createdb -T template0 bench_copy && '
                      'exec pg_restore -j2 -d bench_copy "$0"', str(self.work / "source.dir")], None)]
        if name.startswith("COPY") or name == bracket.READ:
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
