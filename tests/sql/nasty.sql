-- A schema with every kind of object, for round trips. Loads as superuser with
-- `psql -v ON_ERROR_STOP=1 -f nasty.sql` into an empty UTF8 database of a stock PostgreSQL 16 or
-- 18 (no contrib, no ICU). Roles live outside the database: they are made only where they are
-- missing, so that the file loads into many databases of one server.

SET client_min_messages = error;
SET check_function_bodies = on;

-- Roles ------------------------------------------------------------------------------------

DO $roles$
DECLARE
    role text;
BEGIN
    FOREACH role IN ARRAY ARRAY['nasty_owner', 'nasty_reader', 'nasty role; "x"', 'Nasty$(id)']
    LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', role);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- it is there, or another load was faster by a moment
        END;
    END LOOP;
END
$roles$;

-- Schemas and hostile names ----------------------------------------------------------------

COMMENT ON SCHEMA public IS 'ours, with a ''quote'' and a \ backslash';
GRANT CREATE ON SCHEMA public TO nasty_owner WITH GRANT OPTION;

CREATE SCHEMA nasty AUTHORIZATION nasty_owner;
COMMENT ON SCHEMA nasty IS E'line one\nline two';
GRANT USAGE ON SCHEMA nasty TO nasty_reader;

CREATE SCHEMA c;
CREATE SCHEMA "a.b";
CREATE SCHEMA "sch""ema; $(touch /tmp/pwned) `id` %s \";
CREATE SCHEMA empty_schema;

-- `a.b` in schema `c` and `c` in schema `a.b` print alike when nobody quotes.
CREATE TABLE c."a.b" (id int PRIMARY KEY, t text);
CREATE TABLE "a.b".c (id int PRIMARY KEY, t text);
INSERT INTO c."a.b" VALUES (1, 'a.b in c');
INSERT INTO "a.b".c VALUES (1, 'c in a.b'), (2, 'another');
COMMENT ON TABLE c."a.b" IS 'a.b in c';

CREATE TABLE nasty."../../etc/passwd" (id int PRIMARY KEY, "../x" text);
INSERT INTO nasty."../../etc/passwd" VALUES (1, 'root:x:0:0');
CREATE TABLE nasty."$(touch /tmp/pwned)" (id int, "`id`" text DEFAULT '$(id)');
INSERT INTO nasty."$(touch /tmp/pwned)" VALUES (1, '`id`');
CREATE TABLE nasty."it's a ""table""; DROP TABLE nasty.parent; --" (
    "col""umn" int, "it's" text, "with space" int, "SELECT" int, "Ünï¢ödé 表" text);
INSERT INTO nasty."it's a ""table""; DROP TABLE nasty.parent; --" VALUES (1, 'x', 2, 3, '表');
CREATE TABLE nasty."new
line	tab" (id int PRIMARY KEY, "col
umn" text, "back\slash" text);
INSERT INTO nasty."new
line	tab" VALUES (1, E'a\nb', E'\\');
CREATE INDEX "index with
newline" ON nasty."new
line	tab" ("col
umn");
COMMENT ON TABLE nasty."new
line	tab" IS E'comment;\n-- with a second line\n\\connect template1';
CREATE TABLE nasty."表 ñandú 🐘" (id int PRIMARY KEY, "élan" text);
INSERT INTO nasty."表 ñandú 🐘" VALUES (1, '🐘');
CREATE TABLE nasty.n23456789012345678901234567890123456789012345678901234567890123 (
    c23456789012345678901234567890123456789012345678901234567890123 int);
INSERT INTO nasty.n23456789012345678901234567890123456789012345678901234567890123 VALUES (63);
CREATE TABLE nasty."order" ("user" int, "table" int, "end" int, CHECK ("user" < "table"));
INSERT INTO nasty."order" VALUES (1, 2, 3);
CREATE TABLE nasty."ALLCAPS" ("CamelCase" int);
CREATE TABLE nasty." leading and trailing " (" " int);
INSERT INTO nasty." leading and trailing " VALUES (1);
CREATE TABLE nasty."-rf" ("--" int);
CREATE TABLE nasty."*" ("%" int, "*" int);
CREATE TABLE "sch""ema; $(touch /tmp/pwned) `id` %s \"."ta""ble \ $x" (id int PRIMARY KEY, v text);
INSERT INTO "sch""ema; $(touch /tmp/pwned) `id` %s \"."ta""ble \ $x" VALUES (1, E'\\.');

-- Types ------------------------------------------------------------------------------------

CREATE TYPE nasty.mood AS ENUM ('sad', 'o''k', 'happy', 'with "quotes"', E'new\nline');
ALTER TYPE nasty.mood ADD VALUE 'meh' BEFORE 'o''k';
COMMENT ON TYPE nasty.mood IS 'an enum';
CREATE TYPE nasty.empty_enum AS ENUM ();
CREATE TYPE nasty.pair AS (a int, "b c" text COLLATE "C");
COMMENT ON COLUMN nasty.pair."b c" IS 'an attribute';
CREATE TYPE nasty.span AS RANGE (subtype = float8, subtype_diff = float8mi,
    multirange_type_name = nasty.spans);
CREATE TYPE nasty.shell;
CREATE DOMAIN nasty.email AS text COLLATE "C" DEFAULT 'nobody@example.org' NOT NULL
    CONSTRAINT has_at CHECK (VALUE ~ '@') CHECK (length(VALUE) < 300);
COMMENT ON CONSTRAINT has_at ON DOMAIN nasty.email IS 'must have an @';
ALTER DOMAIN nasty.email ADD CONSTRAINT later CHECK (VALUE <> 'x@y') NOT VALID;
CREATE DOMAIN nasty.code AS varchar(8) CHECK (VALUE IN ('a', 'b', 'c'));
ALTER TYPE nasty.mood OWNER TO nasty_owner;
REVOKE ALL ON TYPE nasty.pair FROM PUBLIC;
GRANT USAGE ON TYPE nasty.pair TO nasty_reader WITH GRANT OPTION;

-- A base type, made of the text functions of the server.
CREATE TYPE nasty.blob;
CREATE FUNCTION nasty.blob_in(cstring) RETURNS nasty.blob LANGUAGE internal IMMUTABLE STRICT
    AS 'textin';
CREATE FUNCTION nasty.blob_out(nasty.blob) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT
    AS 'textout';
CREATE TYPE nasty.blob (INPUT = nasty.blob_in, OUTPUT = nasty.blob_out, LIKE = text,
    CATEGORY = 'S');
CREATE CAST (nasty.blob AS text) WITHOUT FUNCTION AS ASSIGNMENT;
CREATE CAST (text AS nasty.blob) WITHOUT FUNCTION;
COMMENT ON CAST (nasty.blob AS text) IS 'a cast';

-- Functions, procedures, aggregates, operators ----------------------------------------------

CREATE FUNCTION nasty.add("a ""b" int, b int DEFAULT 42, VARIADIC rest int[] DEFAULT '{}')
    RETURNS int LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS 'SELECT $1 + $2 + coalesce((SELECT sum(x)::int FROM unnest($3) AS x), 0)';
COMMENT ON FUNCTION nasty.add(int, int, int[]) IS 'adds';
CREATE FUNCTION nasty."we(i,r)d"(text) RETURNS text LANGUAGE sql STABLE
    SET search_path TO 'nasty', 'pg_temp' SET "DateStyle" TO 'SQL, DMY'
    AS $$ SELECT $1 || E'\n''"' $$;
CREATE FUNCTION nasty.modern(x int DEFAULT 1 + 1) RETURNS int LANGUAGE sql
    BEGIN ATOMIC SELECT x + 1; END;
CREATE FUNCTION nasty.definer() RETURNS text LANGUAGE plpgsql SECURITY DEFINER COST 7
    AS $body$ BEGIN RETURN current_user; END $body$;
ALTER FUNCTION nasty.definer() OWNER TO nasty_owner;
REVOKE ALL ON FUNCTION nasty.definer() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nasty.definer() TO nasty_reader;
CREATE FUNCTION nasty.rows_of(OUT a int, OUT b text) RETURNS SETOF record LANGUAGE sql ROWS 3
    AS 'SELECT 1, ''x''';
CREATE PROCEDURE nasty.noop(INOUT x int) LANGUAGE plpgsql AS $$ BEGIN x := x; END $$;
GRANT EXECUTE ON PROCEDURE nasty.noop(int) TO "nasty role; ""x""";
CREATE AGGREGATE nasty.total(int) (SFUNC = int4pl, STYPE = int, INITCOND = '0',
    PARALLEL = safe, COMBINEFUNC = int4pl);
COMMENT ON AGGREGATE nasty.total(int) IS 'an aggregate';
CREATE AGGREGATE nasty.my_percentile(float8 ORDER BY anyelement) (
    SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final,
    FINALFUNC_EXTRA);
CREATE FUNCTION nasty.text_eq(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT lower($1) = lower($2)';
CREATE OPERATOR nasty.=== (LEFTARG = text, RIGHTARG = text, FUNCTION = nasty.text_eq,
    COMMUTATOR = OPERATOR(nasty.===));
CREATE FUNCTION nasty.int_eq(int, int) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS 'SELECT $1 = $2';
CREATE OPERATOR nasty.=== (LEFTARG = int, RIGHTARG = int, FUNCTION = nasty.int_eq);
COMMENT ON OPERATOR nasty.=== (int, int) IS 'an operator';
CREATE OPERATOR FAMILY nasty.backwards USING btree;
CREATE FUNCTION nasty.backwards_cmp(int, int) RETURNS int LANGUAGE sql IMMUTABLE
    AS 'SELECT btint4cmp($2, $1)';
CREATE OPERATOR CLASS nasty.backwards_int FOR TYPE int USING btree FAMILY nasty.backwards AS
    OPERATOR 1 > , OPERATOR 2 >= , OPERATOR 3 = , OPERATOR 4 <= , OPERATOR 5 < ,
    FUNCTION 1 nasty.backwards_cmp(int, int);
-- One name, two access methods: their entries share a tag.
CREATE OPERATOR CLASS nasty.backwards_int FOR TYPE int USING hash AS
    OPERATOR 1 = , FUNCTION 1 hashint4(int);
CREATE ACCESS METHOD nasty_heap TYPE TABLE HANDLER heap_tableam_handler;
COMMENT ON ACCESS METHOD nasty_heap IS 'heap by another name';
CREATE CONVERSION nasty.latin FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8;
CREATE COLLATION nasty.plain (provider = libc, locale = 'C');
CREATE COLLATION nasty."Pl""ain" FROM "POSIX";
COMMENT ON COLLATION nasty.plain IS 'a collation';
CREATE TEXT SEARCH DICTIONARY nasty.words (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION nasty.search (COPY = simple);
ALTER TEXT SEARCH CONFIGURATION nasty.search ALTER MAPPING FOR asciiword WITH nasty.words, simple;
COMMENT ON TEXT SEARCH CONFIGURATION nasty.search IS 'a configuration';
CREATE TEXT SEARCH PARSER nasty.parse (START = prsd_start, GETTOKEN = prsd_nexttoken,
    END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline);
CREATE TEXT SEARCH TEMPLATE nasty.tmpl (INIT = dsimple_init, LEXIZE = dsimple_lexize);
-- The vendor's tools dump a language only together with handlers that are not an extension's.
CREATE FUNCTION nasty.handler() RETURNS language_handler LANGUAGE c
    AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE FUNCTION nasty.inline_handler(internal) RETURNS void LANGUAGE c STRICT
    AS '$libdir/plpgsql', 'plpgsql_inline_handler';
CREATE FUNCTION nasty.validator(oid) RETURNS void LANGUAGE c STRICT
    AS '$libdir/plpgsql', 'plpgsql_validator';
CREATE TRUSTED LANGUAGE nasty_plpgsql HANDLER nasty.handler
    INLINE nasty.inline_handler VALIDATOR nasty.validator;
REVOKE USAGE ON LANGUAGE nasty_plpgsql FROM PUBLIC;
GRANT USAGE ON LANGUAGE nasty_plpgsql TO nasty_owner;

-- Tables -----------------------------------------------------------------------------------

CREATE TABLE nasty.zero_columns ();
INSERT INTO nasty.zero_columns DEFAULT VALUES;
INSERT INTO nasty.zero_columns DEFAULT VALUES;
INSERT INTO nasty.zero_columns DEFAULT VALUES;

CREATE TABLE nasty.empty_table (id int PRIMARY KEY, t text);

CREATE TABLE nasty.everything (
    id bigint GENERATED ALWAYS AS IDENTITY (START 10 INCREMENT 5 MAXVALUE 100000) PRIMARY KEY,
    dropped_1 int,
    small smallint, i int, big bigint, num numeric, fixed numeric(12, 4), r real, d float8,
    cash money, t text, v varchar(20), ch char(5), n name, b bytea, bool boolean,
    ts timestamp, tstz timestamptz, dt date, tm time, tmtz timetz, iv interval,
    u uuid, j json, jb jsonb, x xml, bits bit(5), vbits bit varying,
    ip inet, net cidr, mac macaddr, mac8 macaddr8,
    pt point, ln line, seg lseg, bx box, pa path, poly polygon, ci circle,
    vec tsvector, q tsquery, ia int[], ta text[], ma nasty.mood[], ir int4range,
    mr int8multirange, tr tstzrange, p nasty.pair, pa2 nasty.pair[], m nasty.mood,
    mail nasty.email, cd nasty.code, sp nasty.span, bl nasty.blob, o oid, rc regclass,
    lsn pg_lsn, jp jsonpath, dropped_2 text,
    twice int GENERATED ALWAYS AS (i * 2) STORED,
    lower_t text GENERATED ALWAYS AS (lower(t)) STORED
);
INSERT INTO nasty.everything (small, i, big, num, fixed, r, d, cash, t, v, ch, n, b, bool, ts, tstz,
    dt, tm, tmtz, iv, u, j, jb, x, bits, vbits, ip, net, mac, mac8, pt, ln, seg, bx, pa, poly, ci,
    vec, q, ia, ta, ma, ir, mr, tr, p, pa2, m, mail, cd, sp, bl, o, rc, lsn, jp)
VALUES
(32767, 2147483, 9223372036854775807, 'NaN', 12345678.9999, 'NaN', 'Infinity', '12.34', '', '', '',
 '', '', true, 'infinity', '-infinity', 'infinity', '23:59:59.999999', '24:00:00+1459',
 '-178000000 years', '00000000-0000-0000-0000-000000000000', '{"a": 1,  "a":2}', '{"b": [1, null]}',
 NULL, B'10101', B'', '::1/128', '10.0.0.0/8', '08:00:2b:01:02:03',
 '08:00:2b:01:02:03:04:05', '(1,2)', '{1,2,3}', '[(0,0),(1,1)]', '(1,1),(0,0)', '[(0,0),(1,1)]',
 '((0,0),(1,1),(1,0))', '<(0,0),1>', 'a:1A b:2', 'a & !b', '{1,NULL,3}',
 '{"a,b","NULL",NULL,"\\","{}"}', '{sad,"with \"quotes\""}', 'empty', '{[1,2),[5,9)}',
 '[-infinity,infinity]', '(1,"a,b")', '{"(1,x)"}', 'o''k', 'a@b', 'a', '[1.5,2.5]', 'blob', 1234,
 'pg_class', '16/B374D848', '$.a[*] ? (@ > 1)'),
(-32768, -2147483, -9223372036854775808, '-Infinity', -0.0001, '-Infinity', 'NaN', '-12.34',
 E'tab\there\nnewline\rreturn\\backslash\bbs\ffeed\vvtab', E'\\N', '\N', 'n', '\x00ff5c0a0d09', false,
 '4713-01-01 00:00:00 BC', '294276-12-31 23:59:59.999999+00', '4713-01-01 BC', '00:00', '00:00-1459',
 '178000000 years 11 mons 999 days 23:59:59.999999', 'ffffffff-ffff-ffff-ffff-ffffffffffff', '[]',
 '"\u00e9\\"', NULL, B'00000', B'1', '1.2.3.4', '::/0', 'ff:ff:ff:ff:ff:ff',
 'ff:ff:ff:ff:ff:ff:ff:ff', '(NaN,Infinity)', '{0,1,0}', '[(1e300,0),(1,1)]', '(1e-300,1),(0,0)',
 '((0,0),(1,1))', '((0,0))', '<(1,1),0>', '', '', '{}', '{}', '{}', '(,)', '{}', '(,)', '(,)',
 '{}', 'happy', '@', 'c', '(,)', E'bl\tob', 0, '-', '0/0', 'strict $'),
(0, 0, 0, repeat('9', 1000)::numeric, 0, 1e-37, 1e308, '0', E'\\.', 'Ünï 表 🐘', 'ab', 'x', '\x',
 NULL, '2000-02-29 12:00', '2026-03-29 01:30:00+00', '0001-01-01', '12:00', '12:00+00', '1 mon -1 day',
 NULL, 'null', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
 NULL, NULL, NULL, '[2:3]={1,2}', '{{a,b},{c,d}}', NULL, '[1,1]', NULL, NULL, NULL, NULL, NULL,
 'x@', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO nasty.everything (mail) VALUES ('nulls@everywhere');
INSERT INTO nasty.everything (num, t, mail) SELECT
    ('0.' || repeat('0', 900) || '1')::numeric, repeat('long ✓ ', 60000), 'long@text';
ALTER TABLE nasty.everything DROP COLUMN dropped_1, DROP COLUMN dropped_2;
ALTER TABLE nasty.everything ADD COLUMN added_later int NOT NULL DEFAULT 7;
ALTER TABLE nasty.everything ALTER COLUMN t SET STORAGE EXTERNAL;
ALTER TABLE nasty.everything ALTER COLUMN v SET STORAGE MAIN;
ALTER TABLE nasty.everything ALTER COLUMN b SET COMPRESSION pglz;
ALTER TABLE nasty.everything ALTER COLUMN i SET STATISTICS 500;
ALTER TABLE nasty.everything ALTER COLUMN i SET (n_distinct = -0.5);
ALTER TABLE nasty.everything SET (fillfactor = 70, autovacuum_enabled = false,
    toast.autovacuum_enabled = false);
COMMENT ON TABLE nasty.everything IS 'every type';
COMMENT ON COLUMN nasty.everything.t IS E'a text''s comment\twith a tab';

CREATE TABLE nasty.identity_default (id int GENERATED BY DEFAULT AS IDENTITY, v text);
INSERT INTO nasty.identity_default (v) VALUES ('one'), ('two');
INSERT INTO nasty.identity_default (id, v) VALUES (-5, 'minus five');

CREATE UNLOGGED TABLE nasty.unlogged (id serial PRIMARY KEY, t text);
INSERT INTO nasty.unlogged (t) VALUES ('fast'), ('loose');

CREATE TABLE nasty.typed OF nasty.pair (PRIMARY KEY (a));
INSERT INTO nasty.typed VALUES (1, 'x'), (2, NULL);

CREATE TABLE nasty.other_method (id int PRIMARY KEY, t text) USING nasty_heap;
INSERT INTO nasty.other_method SELECT g, md5(g::text) FROM generate_series(1, 100) g;

-- Inheritance: the parent gets a column later, so a restored child has another column order.
CREATE TABLE nasty.parent (a int, CONSTRAINT positive CHECK (a > 0), CONSTRAINT own CHECK (a < 1000) NO INHERIT);
CREATE TABLE nasty.child (b text, CONSTRAINT positive CHECK (a > 0)) INHERITS (nasty.parent);
CREATE TABLE nasty.other_parent (z int DEFAULT 26, a int);
CREATE TABLE nasty.grandchild (c int, a int DEFAULT 3 NOT NULL) INHERITS (nasty.child, nasty.other_parent);
ALTER TABLE nasty.parent ADD COLUMN late text DEFAULT 'late';
INSERT INTO nasty.parent VALUES (1, 'p');
INSERT INTO nasty.child VALUES (2, 'b', 'c'), (3, 'bb', NULL);
INSERT INTO nasty.grandchild (a, b, z, c, late) VALUES (4, 'x', 5, 6, 'y');
CREATE VIEW nasty.whole_child AS SELECT * FROM nasty.child;
CREATE STATISTICS nasty.child_stats ON late, b FROM nasty.child;

-- Partitions: lists by enum with a default; hash by enum, whose rows may land in other leaves
-- after a restore; ranges with two more levels below.
CREATE TABLE nasty.by_mood (id int, m nasty.mood, t text, PRIMARY KEY (id, m)) PARTITION BY HASH (m);
CREATE TABLE nasty.by_mood_0 PARTITION OF nasty.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE nasty.by_mood_1 PARTITION OF nasty.by_mood FOR VALUES WITH (MODULUS 3, REMAINDER 1);
-- This leaf has its columns in another order.
CREATE TABLE nasty.by_mood_2 (t text, m nasty.mood NOT NULL, id int NOT NULL);
ALTER TABLE nasty.by_mood ATTACH PARTITION nasty.by_mood_2 FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO nasty.by_mood SELECT g, (enum_range(NULL::nasty.mood))[1 + g % 6], 'row ' || g
    FROM generate_series(1, 600) g;

CREATE TABLE nasty.by_mood_keyless (m nasty.mood, n int) PARTITION BY HASH (m);
CREATE TABLE nasty.by_mood_keyless_0 PARTITION OF nasty.by_mood_keyless FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE nasty.by_mood_keyless_1 PARTITION OF nasty.by_mood_keyless FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO nasty.by_mood_keyless SELECT (enum_range(NULL::nasty.mood))[1 + g % 6], g FROM generate_series(1, 60) g;

CREATE TABLE nasty.listed (m nasty.mood, n int) PARTITION BY LIST (m);
CREATE TABLE nasty.listed_sad PARTITION OF nasty.listed FOR VALUES IN ('sad', NULL);
CREATE TABLE nasty.listed_rest PARTITION OF nasty.listed DEFAULT;
INSERT INTO nasty.listed VALUES ('sad', 1), (NULL, 2), ('happy', 3);

CREATE TABLE nasty.events (id bigint NOT NULL, at timestamptz NOT NULL, kind text NOT NULL DEFAULT 'x',
    payload jsonb, CONSTRAINT kind_known CHECK (kind IN ('x', 'y', 'z'))) PARTITION BY RANGE (at);
CREATE TABLE nasty.events_2025 PARTITION OF nasty.events
    FOR VALUES FROM ('2025-01-01 00:00+00') TO ('2026-01-01 00:00+00') PARTITION BY LIST (kind);
CREATE TABLE nasty.events_2025_x PARTITION OF nasty.events_2025 FOR VALUES IN ('x');
CREATE TABLE nasty.events_2025_rest PARTITION OF nasty.events_2025 DEFAULT PARTITION BY HASH (id);
CREATE TABLE nasty.events_2025_rest_0 PARTITION OF nasty.events_2025_rest FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE nasty.events_2025_rest_1 PARTITION OF nasty.events_2025_rest FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE nasty."events default" PARTITION OF nasty.events DEFAULT;
CREATE INDEX events_at ON nasty.events (at DESC);
CREATE UNIQUE INDEX events_key ON nasty.events (id, at, kind);
ALTER TABLE nasty.events_2025_x ADD CONSTRAINT only_here CHECK (id > 0);
INSERT INTO nasty.events SELECT g, timestamptz '2024-12-30 00:00+00' + g * interval '1 day',
    (ARRAY['x', 'y', 'z'])[1 + g % 3], jsonb_build_object('g', g) FROM generate_series(1, 400) g;
CREATE TABLE nasty.empty_partitioned (id int) PARTITION BY RANGE (id);

-- Constraints ------------------------------------------------------------------------------

-- PostgreSQL prints this CHECK, and the view over it, differently after a reload.
CREATE TABLE nasty.orders (
    id serial PRIMARY KEY,
    status varchar(10) NOT NULL DEFAULT 'new' CHECK (status IN ('new', 'paid', 'sent')),
    kind varchar(3) CHECK (kind = ANY (ARRAY['a', 'b']::text[])),
    placed timestamptz NOT NULL DEFAULT timestamptz '2026-01-01 00:00+00',
    amount numeric(10, 2) CONSTRAINT "amount > 0; --" CHECK (amount > 0),
    during tsrange,
    parent_id int,
    email nasty.email,
    notes text COLLATE "POSIX",
    UNIQUE NULLS NOT DISTINCT (parent_id, email, id),
    CONSTRAINT self FOREIGN KEY (parent_id) REFERENCES nasty.orders (id)
        ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT no_overlap EXCLUDE USING gist (during WITH &&) WHERE (during IS NOT NULL),
    CONSTRAINT late_unique UNIQUE (id, status) DEFERRABLE INITIALLY IMMEDIATE
);
INSERT INTO nasty.orders (status, kind, amount, during, parent_id, email)
    SELECT (ARRAY['new', 'paid', 'sent'])[1 + g % 3], CASE g % 2 WHEN 0 THEN 'a' ELSE 'b' END, g,
        CASE WHEN g < 20 THEN tsrange('2026-01-01'::timestamp + g * interval '1 hour',
            '2026-01-01'::timestamp + g * interval '1 hour' + interval '30 min') END,
        nullif(g / 10, 0), 'u' || g || '@x'
    FROM generate_series(1, 500) g;
COMMENT ON CONSTRAINT "amount > 0; --" ON nasty.orders IS 'must be positive';
COMMENT ON INDEX nasty.late_unique IS 'a constraint''s index';
CREATE INDEX orders_status ON nasty.orders (status varchar_pattern_ops, (lower(email)) DESC NULLS LAST)
    INCLUDE (amount) WHERE status IN ('new', 'paid');
CREATE INDEX orders_brin ON nasty.orders USING brin (placed) WITH (pages_per_range = 4);
CREATE INDEX orders_backwards ON nasty.orders (id nasty.backwards_int);
CREATE INDEX "Orders ""Expr""" ON nasty.orders ((amount * 2), (notes || 'x'));
ALTER INDEX nasty."Orders ""Expr""" ALTER COLUMN 1 SET STATISTICS 300;
COMMENT ON INDEX nasty.orders_brin IS 'an index';
ALTER TABLE nasty.orders CLUSTER ON orders_pkey;
ALTER TABLE nasty.orders REPLICA IDENTITY USING INDEX orders_pkey;
CREATE STATISTICS nasty.orders_stats (dependencies, mcv) ON status, kind FROM nasty.orders;
ALTER STATISTICS nasty.orders_stats SET STATISTICS 200;
CREATE STATISTICS c.elsewhere ON (lower(notes)), (amount + 1) FROM nasty.orders;
COMMENT ON STATISTICS nasty.orders_stats IS 'extended statistics';
ALTER TABLE nasty.child REPLICA IDENTITY FULL;
ALTER TABLE nasty.parent REPLICA IDENTITY NOTHING;

-- Circular foreign keys, one not validated.
CREATE TABLE nasty.chicken (id int PRIMARY KEY, egg int);
CREATE TABLE nasty.egg (id int PRIMARY KEY, chicken int REFERENCES nasty.chicken (id));
INSERT INTO nasty.chicken VALUES (1, 1), (2, 2), (3, 99);
INSERT INTO nasty.egg VALUES (1, 2), (2, 1);
ALTER TABLE nasty.chicken ADD CONSTRAINT from_egg FOREIGN KEY (egg) REFERENCES nasty.egg (id) NOT VALID;
ALTER TABLE nasty.chicken ADD CONSTRAINT small CHECK (egg < 10) NOT VALID;
-- Foreign keys from and to partitioned tables.
ALTER TABLE nasty.by_mood ADD COLUMN order_id int REFERENCES nasty.orders (id);
UPDATE nasty.by_mood SET order_id = id % 400 + 1 WHERE id % 2 = 0;
CREATE TABLE nasty.mood_ref (id int, m nasty.mood,
    FOREIGN KEY (id, m) REFERENCES nasty.by_mood (id, m) ON UPDATE CASCADE);
INSERT INTO nasty.mood_ref SELECT id, m FROM nasty.by_mood WHERE id < 50;

-- A CHECK whose function reads the same table: stock tools lose these rows.
CREATE TABLE nasty.tree (id int PRIMARY KEY, parent int, name text NOT NULL);
CREATE FUNCTION nasty.has_parent(p int) RETURNS boolean LANGUAGE sql STABLE
    AS 'SELECT $1 IS NULL OR EXISTS (SELECT 1 FROM nasty.tree WHERE id = $1)';
INSERT INTO nasty.tree SELECT g, nullif(g - 1, 0), 'node ' || g FROM generate_series(1, 2001) g;
ALTER TABLE nasty.tree ADD CONSTRAINT parent_exists CHECK (nasty.has_parent(parent));
COMMENT ON CONSTRAINT parent_exists ON nasty.tree IS 'a function that reads the table';
-- The same through an inheritance tree, a partitioned table and a domain.
CREATE TABLE nasty.tree_use (node int CONSTRAINT node_exists CHECK (nasty.has_parent(node)), extra text);
CREATE TABLE nasty.tree_use_child (more int, CONSTRAINT node_exists CHECK (nasty.has_parent(node)))
    INHERITS (nasty.tree_use);
INSERT INTO nasty.tree_use VALUES (5, 'x');
INSERT INTO nasty.tree_use_child VALUES (2001, 'y', 1);
CREATE TABLE nasty.tree_parts (node int CONSTRAINT node_exists CHECK (nasty.has_parent(node)))
    PARTITION BY RANGE (node);
CREATE TABLE nasty.tree_parts_1 PARTITION OF nasty.tree_parts FOR VALUES FROM (1) TO (1000);
CREATE TABLE nasty.tree_parts_2 PARTITION OF nasty.tree_parts FOR VALUES FROM (1000) TO (3000);
INSERT INTO nasty.tree_parts VALUES (1), (2000);
CREATE DOMAIN nasty.node AS int CONSTRAINT is_node CHECK (nasty.has_parent(VALUE));
COMMENT ON CONSTRAINT is_node ON DOMAIN nasty.node IS 'reads a table';
CREATE TABLE nasty.node_user (n nasty.node);
INSERT INTO nasty.node_user VALUES (7), (NULL);
-- The function finds its table by search_path alone. It is checked before `zz_looked_up` is filled.
CREATE TABLE public.zz_looked_up (code text PRIMARY KEY);
INSERT INTO public.zz_looked_up VALUES ('a'), ('b');
CREATE FUNCTION public.is_known(c text) RETURNS boolean LANGUAGE plpgsql STABLE
    AS $$ BEGIN RETURN EXISTS (SELECT 1 FROM zz_looked_up WHERE code = c); END $$;
CREATE TABLE public.aa_looks_up (code text CHECK (is_known(code)));
INSERT INTO public.aa_looks_up VALUES ('a'), ('b'), ('a');

-- Triggers, rules, policies ----------------------------------------------------------------

CREATE FUNCTION nasty.touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE FUNCTION nasty.fail() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'must not run during a restore'; END $$;
CREATE TRIGGER touch BEFORE UPDATE OF status, kind ON nasty.orders FOR EACH ROW
    WHEN (NEW.status IN ('new', 'paid')) EXECUTE FUNCTION nasty.touch();
CREATE TRIGGER "off; --" BEFORE INSERT ON nasty.orders FOR EACH ROW EXECUTE FUNCTION nasty.fail();
ALTER TABLE nasty.orders DISABLE TRIGGER "off; --";
CREATE TRIGGER on_replica AFTER INSERT ON nasty.orders FOR EACH STATEMENT EXECUTE FUNCTION nasty.touch();
ALTER TABLE nasty.orders ENABLE REPLICA TRIGGER on_replica;
CREATE TRIGGER always_on AFTER DELETE ON nasty.orders REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION nasty.touch('arg one', E'it''s\n"2"');
ALTER TABLE nasty.orders ENABLE ALWAYS TRIGGER always_on;
CREATE CONSTRAINT TRIGGER checked AFTER INSERT ON nasty.orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION nasty.touch();
COMMENT ON TRIGGER touch ON nasty.orders IS 'a trigger';
CREATE TRIGGER blocks_inserts BEFORE INSERT ON nasty.empty_table FOR EACH ROW EXECUTE FUNCTION nasty.fail();
CREATE TRIGGER of_partitions AFTER INSERT ON nasty.events FOR EACH ROW EXECUTE FUNCTION nasty.touch();
ALTER TABLE nasty.events_2025_x DISABLE TRIGGER of_partitions;

CREATE VIEW nasty.paid AS SELECT id, status, amount FROM nasty.orders WHERE status IN ('paid', 'sent')
    WITH LOCAL CHECK OPTION;
CREATE VIEW nasty.by_key WITH (security_barrier = true) AS
    SELECT o.*, count(*) AS children FROM nasty.orders o JOIN nasty.orders k ON k.parent_id = o.id
    GROUP BY o.id;
CREATE RECURSIVE VIEW nasty.walk (n) AS SELECT 1 UNION ALL SELECT n + 1 FROM walk WHERE n < 5;
CREATE VIEW nasty."vi""ew;" AS SELECT 1 AS "x""y";
ALTER VIEW nasty.paid ALTER COLUMN status SET DEFAULT 'paid';
COMMENT ON VIEW nasty.paid IS 'a view';
COMMENT ON COLUMN nasty.paid.amount IS 'a view''s column';
CREATE RULE paid_insert AS ON INSERT TO nasty.paid DO INSTEAD
    INSERT INTO nasty.orders (status, amount, email) VALUES (NEW.status, NEW.amount, 'rule@x');
CREATE RULE quiet AS ON DELETE TO nasty.chicken WHERE OLD.id > 100 DO INSTEAD NOTHING;
ALTER TABLE nasty.chicken DISABLE RULE quiet;
COMMENT ON RULE paid_insert ON nasty.paid IS 'a rule';
CREATE TRIGGER instead INSTEAD OF UPDATE ON nasty.by_key FOR EACH ROW EXECUTE FUNCTION nasty.touch();

CREATE MATERIALIZED VIEW nasty.z_first AS SELECT status, sum(amount) AS total FROM nasty.orders GROUP BY status;
CREATE UNIQUE INDEX z_first_key ON nasty.z_first (status);
CREATE MATERIALIZED VIEW nasty.a_second AS SELECT max(total) AS most FROM nasty.z_first;
CREATE MATERIALIZED VIEW nasty.not_filled AS SELECT * FROM nasty.orders WITH NO DATA;
CREATE INDEX not_filled_amount ON nasty.not_filled (amount);
COMMENT ON MATERIALIZED VIEW nasty.z_first IS 'a materialized view';
GRANT SELECT ON nasty.z_first TO nasty_reader;

CREATE TABLE nasty.tenants (id int PRIMARY KEY, tenant text NOT NULL, secret text);
INSERT INTO nasty.tenants SELECT g, 'tenant ' || g % 3, md5(g::text) FROM generate_series(1, 30) g;
ALTER TABLE nasty.tenants OWNER TO nasty_owner;
ALTER TABLE nasty.tenants ENABLE ROW LEVEL SECURITY;
ALTER TABLE nasty.tenants FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON nasty.tenants FOR SELECT TO nasty_reader, "nasty role; ""x"""
    USING (tenant = current_setting('app.tenant', true));
CREATE POLICY "no inserts; --" ON nasty.tenants AS RESTRICTIVE FOR INSERT WITH CHECK (false);
CREATE POLICY everyone ON nasty.tenants USING (true) WITH CHECK (tenant IN ('tenant 1', 'tenant 2'));
COMMENT ON POLICY own_rows ON nasty.tenants IS 'a policy';
CREATE POLICY unused ON nasty.chicken USING (id > 0);

-- Sequences --------------------------------------------------------------------------------

CREATE SEQUENCE nasty.never_called START 100;
CREATE SEQUENCE nasty.going_down AS smallint INCREMENT -3 MAXVALUE 50 MINVALUE -50 START 50 CYCLE CACHE 5;
SELECT nextval('nasty.going_down'), nextval('nasty.going_down');
CREATE SEQUENCE nasty.at_max MAXVALUE 3;
SELECT nextval('nasty.at_max'), nextval('nasty.at_max'), nextval('nasty.at_max');
CREATE SEQUENCE nasty.set_not_called;
SELECT setval('nasty.set_not_called', 77, false);
CREATE SEQUENCE nasty.biggest;
SELECT setval('nasty.biggest', 9223372036854775807);
CREATE SEQUENCE nasty."se'q; ""x""" OWNED BY nasty.chicken.egg;
SELECT setval('nasty."se''q; ""x"""', 5);
CREATE UNLOGGED SEQUENCE nasty.unlogged_seq;
SELECT nextval('nasty.unlogged_seq');
GRANT USAGE ON SEQUENCE nasty.never_called TO nasty_reader WITH GRANT OPTION;
COMMENT ON SEQUENCE nasty.at_max IS 'a sequence';
ALTER SEQUENCE nasty.at_max OWNER TO nasty_owner;

-- Foreign data, replication, event triggers ------------------------------------------------

CREATE FOREIGN DATA WRAPPER dummy OPTIONS (debug 'true');
CREATE SERVER "ser""ver" TYPE 'x' VERSION '1' FOREIGN DATA WRAPPER dummy
    OPTIONS (host 'localhost', password 'server-s3cret');
CREATE USER MAPPING FOR nasty_reader SERVER "ser""ver" OPTIONS (user 'u', password 'mapping-s3cret');
CREATE USER MAPPING FOR PUBLIC SERVER "ser""ver";
CREATE FOREIGN TABLE nasty.far_away (id int OPTIONS (column_name 'ID') NOT NULL, t text DEFAULT 'x',
    CONSTRAINT positive CHECK (id > 0)) SERVER "ser""ver" OPTIONS (table_name 'it''s');
COMMENT ON FOREIGN DATA WRAPPER dummy IS 'no handler';
COMMENT ON SERVER "ser""ver" IS 'a server';
COMMENT ON FOREIGN TABLE nasty.far_away IS 'elsewhere';
GRANT USAGE ON FOREIGN DATA WRAPPER dummy TO nasty_owner;
GRANT USAGE ON FOREIGN SERVER "ser""ver" TO nasty_reader;

-- Publications want `wal_level = logical` only when they are used.
CREATE PUBLICATION nasty_all FOR ALL TABLES WITH (publish = 'insert, truncate');
CREATE PUBLICATION "nasty ""some""" FOR TABLE nasty.orders WHERE (id > 5 AND id < 100),
    nasty.events, TABLES IN SCHEMA c
    WITH (publish = 'insert, truncate', publish_via_partition_root = true);
COMMENT ON PUBLICATION nasty_all IS 'a publication';
CREATE PUBLICATION nasty_columns FOR TABLE nasty.child (late, a) WITH (publish = 'insert');
CREATE SUBSCRIPTION nasty_sub CONNECTION 'host=localhost dbname=nowhere password=subscription-s3cret'
    PUBLICATION one, "t""wo" WITH (connect = false, slot_name = NONE, enabled = false);
COMMENT ON SUBSCRIPTION nasty_sub IS 'a subscription';

CREATE FUNCTION nasty.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN END $$;
CREATE EVENT TRIGGER nasty_guard ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'DROP TABLE')
    EXECUTE FUNCTION nasty.on_ddl();
CREATE EVENT TRIGGER "nasty ""off""" ON sql_drop EXECUTE FUNCTION nasty.on_ddl();
ALTER EVENT TRIGGER "nasty ""off""" DISABLE;
COMMENT ON EVENT TRIGGER nasty_guard IS 'an event trigger';

-- Large objects ----------------------------------------------------------------------------

SELECT lo_from_bytea(910001, 'plain');
SELECT lo_from_bytea(910002, '');
SELECT lo_from_bytea(910003, decode(repeat('00ff0a5c', 40000), 'hex'));
SELECT lo_from_bytea(910004, 'owned by another');
COMMENT ON LARGE OBJECT 910001 IS 'a large object''s comment';
GRANT SELECT ON LARGE OBJECT 910001 TO nasty_reader;
GRANT ALL ON LARGE OBJECT 910003 TO "nasty role; ""x""" WITH GRANT OPTION;
ALTER LARGE OBJECT 910004 OWNER TO nasty_owner;

-- Grants -----------------------------------------------------------------------------------

GRANT SELECT, INSERT ON nasty.orders TO nasty_reader WITH GRANT OPTION;
GRANT UPDATE (status, notes), REFERENCES (id) ON nasty.orders TO "nasty role; ""x""";
GRANT ALL ON nasty.orders TO PUBLIC;
REVOKE DELETE ON nasty.orders FROM PUBLIC;
SET ROLE nasty_reader;
GRANT SELECT ON nasty.orders TO "Nasty$(id)";
RESET ROLE;
REVOKE ALL ON nasty.tenants FROM nasty_owner;
GRANT SELECT ON nasty.tenants TO nasty_owner;
GRANT SELECT (secret) ON nasty.tenants TO nasty_reader;
ALTER TABLE nasty.chicken OWNER TO "Nasty$(id)";
ALTER DEFAULT PRIVILEGES FOR ROLE nasty_owner IN SCHEMA nasty GRANT SELECT ON TABLES TO nasty_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE nasty_owner GRANT USAGE ON SEQUENCES TO PUBLIC;
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE nasty_owner IN SCHEMA c GRANT ALL ON TABLES TO nasty_reader WITH GRANT OPTION;
