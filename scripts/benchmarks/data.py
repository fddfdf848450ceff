"""The databases that are measured: made once, kept in the data folder of the server.

Each is filled under another name and renamed when it is complete, so that an interrupted
run is not taken for a finished one.
"""

# Scale 50 gives 5 million pgbench accounts and 2 million documents: about 2 GB.
DOCUMENTS_PER_SCALE = 40_000
SMALL_TABLES = 200
MANY_TABLES = 5_000
LARGE_VALUE_MD5S = 60 * 1024 * 1024 // 32

DOCUMENTS = """
CREATE TABLE documents (
    id      bigserial,
    title   text NOT NULL,
    body    jsonb NOT NULL,
    amount  numeric(12, 2) NOT NULL,
    created timestamptz NOT NULL
);
INSERT INTO documents (title, body, amount, created)
SELECT md5(n::text) || ' ' || (n % 977),
       jsonb_build_object('kind', (ARRAY['view', 'search', 'basket', 'checkout'])[1 + n % 4],
                          'customer', n * 7919 % 100003, 'ms', n % 997 / 10.0,
                          'agent', 'Mozilla/5.0 (X11; Linux x86_64) ' || md5((n % 50021)::text),
                          'tags', jsonb_build_array('a' || n % 31, 'b' || n % 307, 'c' || n % 3001)),
       n % 1000003 / 100.0, timestamptz '2024-01-01' + n * interval '7 seconds'
FROM generate_series(1::bigint, {rows}) AS n;
ALTER TABLE documents ADD PRIMARY KEY (id);
CREATE INDEX documents_created ON documents (created);
CREATE INDEX documents_title ON documents (title);
CREATE INDEX documents_body ON documents USING gin (body);
"""

SMALL = """
SELECT format('CREATE TABLE small_%s (id int PRIMARY KEY, note text, at timestamptz)', n),
       format('INSERT INTO small_%s SELECT i, md5(i::text), now() FROM generate_series(1, 100) AS i', n)
FROM generate_series(1, {tables}) AS n \\gexec
"""

# Half of them empty.
MANY = """
SELECT format('CREATE TABLE t%s (id serial PRIMARY KEY, note text NOT NULL, at timestamptz)', n),
       CASE WHEN n % 2 = 0 THEN
           format('INSERT INTO t%s (note, at) SELECT md5(i::text), now() FROM generate_series(1, 10) AS i', n)
       END
FROM generate_series(1, {tables}) AS n \\gexec
"""

LARGE_VALUE = """
CREATE TABLE large (id int PRIMARY KEY, value text);
INSERT INTO large SELECT 1, string_agg(md5(n::text), '') FROM generate_series(1, {md5s}) AS n;
"""


def shop(server, scale):
    """pgbench's tables, a large table with four indexes, and small ones."""
    def fill(name):
        server.tool("pgbench", "-i", "-q", "-s", str(scale), name)
        server.sql(name, DOCUMENTS.format(rows=DOCUMENTS_PER_SCALE * scale))
        server.sql(name, SMALL.format(tables=SMALL_TABLES))
    return ensure(server, "bench", fill)


def bracketed_shop(server, scale):
    """A shop of a quarter of the size, that is migrated and migrated back."""
    small = max(1, scale // 4)
    def fill(name):
        server.tool("pgbench", "-i", "-q", "-s", str(small), name)
        server.sql(name, DOCUMENTS.format(rows=DOCUMENTS_PER_SCALE * small))
        server.sql(name, SMALL.format(tables=SMALL_TABLES))
    return ensure(server, "bench_bracket", fill)


def shop_without_gin(server, scale):
    """The same without its longest index."""
    template = shop(server, scale)
    return ensure(server, "bench_without_gin",
                  lambda name: server.sql(name, "DROP INDEX documents_body"), template)


def many_tables(server, scale):
    """Thousands of tables with next to nothing in them."""
    tables = MANY_TABLES if scale >= 50 else MANY_TABLES // 50 * scale
    return ensure(server, "bench_many",
                  lambda name: server.sql(name, MANY.format(tables=tables)))


def large_value(server, _scale):
    """One row with a value of 60 MB."""
    return ensure(server, "bench_large_value",
                  lambda name: server.sql(name, LARGE_VALUE.format(md5s=LARGE_VALUE_MD5S)))


def ensure(server, name, fill, template="template0"):
    """Makes the database unless it is there from an earlier run."""
    found = server.sql("postgres", f"SELECT 1 FROM pg_database WHERE datname = '{name}'")
    if not found.strip():
        server.say(f"filling {name} (once)")
        server.sql("postgres", f"DROP DATABASE IF EXISTS {name}_new WITH (FORCE);\n"
                               f"CREATE DATABASE {name}_new TEMPLATE {template};")
        fill(f"{name}_new")
        server.sql(f"{name}_new", "VACUUM (FREEZE, ANALYZE)")
        server.sql("postgres", f"ALTER DATABASE {name}_new RENAME TO {name}")
    return name
