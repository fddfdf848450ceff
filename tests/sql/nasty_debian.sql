-- What only Debian's PostgreSQL 15 has: contrib extensions, ICU collations, XML. Loads as superuser
-- with `psql -v ON_ERROR_STOP=1 -f nasty_debian.sql`, into an empty database or after `nasty.sql`.

SET client_min_messages = error;

CREATE SCHEMA extensions;
CREATE SCHEMA "ext; ""quoted""";
CREATE SCHEMA debian;

CREATE EXTENSION hstore SCHEMA "ext; ""quoted""";
CREATE EXTENSION citext SCHEMA extensions;
CREATE EXTENSION pg_trgm SCHEMA extensions;
CREATE EXTENSION ltree SCHEMA extensions;
CREATE EXTENSION btree_gist SCHEMA extensions;
CREATE EXTENSION btree_gin;
CREATE EXTENSION cube;
CREATE EXTENSION earthdistance;
CREATE EXTENSION intarray;
CREATE EXTENSION isn;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION "uuid-ossp";
CREATE EXTENSION unaccent;
CREATE EXTENSION dict_xsyn;
CREATE EXTENSION tablefunc;
CREATE EXTENSION bloom;
CREATE EXTENSION seg;
CREATE EXTENSION lo;
CREATE EXTENSION tcn;
CREATE EXTENSION xml2;
CREATE EXTENSION pg_stat_statements;
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION file_fdw;
COMMENT ON EXTENSION hstore IS 'a comment of our own';

-- ICU collations: of the column, of a domain, not deterministic, with its own rules by locale.
CREATE COLLATION debian.german (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION debian.ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION debian.numeric (provider = icu, locale = 'en-u-kn-true');
CREATE DOMAIN debian.name AS text COLLATE debian.german;
COMMENT ON COLLATION debian.german IS 'phone book order';

CREATE TABLE debian.words (
    id int PRIMARY KEY,
    german text COLLATE debian.german,
    any_case text COLLATE debian.ignore_case UNIQUE,
    number text COLLATE debian.numeric,
    who debian.name,
    mixed extensions.citext,
    stock text COLLATE "sv-x-icu"
);
INSERT INTO debian.words VALUES
    (1, 'Äpfel', 'Straße', 'a10', 'Müller', 'MiXed', 'ö'),
    (2, 'Apfel', 'MASSE', 'a9', 'Mueller', 'OTHER', 'z'),
    (3, 'Zebra', 'x', 'a1', 'Muller', NULL, '');
CREATE INDEX words_german ON debian.words (german);
CREATE INDEX words_trgm ON debian.words USING gin (german extensions.gin_trgm_ops);
CREATE INDEX words_lower ON debian.words (lower(stock COLLATE "tr-x-icu"));
CREATE VIEW debian.sorted AS SELECT german COLLATE "de-x-icu" AS g FROM debian.words ORDER BY number;

CREATE TABLE debian.extended (
    id uuid PRIMARY KEY DEFAULT public.uuid_generate_v4(),
    attributes "ext; ""quoted""".hstore,
    path extensions.ltree,
    around public.cube,
    codes int[],
    isbn public.isbn13,
    range public.seg,
    oid_of public.lo,
    document xml,
    mail extensions.citext CHECK (mail IN ('a@b', 'c@d')),
    during tsrange,
    room int,
    EXCLUDE USING gist (room WITH =, during WITH &&)
);
INSERT INTO debian.extended VALUES
    ('00000000-0000-0000-0000-000000000001', 'a=>1, "b c"=>NULL, "q\"uote"=>"\\"', 'top.middle.leaf',
     '(1,2,3)', '{3,1,2}', '978-0-393-04002-9', '1.5(+-)0.5', 0, '<a b="1">&amp;<!-- c --></a>',
     'a@b', '[2026-01-01, 2026-01-02)', 1),
    ('00000000-0000-0000-0000-000000000002', '', '', '(1,2),(3,4)', '{}', NULL, '<1', NULL,
     'text <b/> more', 'c@d', '[2026-01-01, 2026-01-02)', 2);
CREATE INDEX extended_hstore ON debian.extended USING gin (attributes);
CREATE INDEX extended_ltree ON debian.extended USING gist (path);
CREATE INDEX extended_bloom ON debian.extended USING bloom (room) WITH (length = 80, col1 = 2)
    WHERE room > 0;
CREATE INDEX extended_codes ON debian.extended USING gist (codes public.gist__intbig_ops);
CREATE TRIGGER notify AFTER INSERT ON debian.extended FOR EACH ROW
    EXECUTE FUNCTION public.triggered_change_notification();
CREATE TRIGGER lo_manage BEFORE UPDATE OF oid_of ON debian.extended FOR EACH ROW
    EXECUTE FUNCTION public.lo_manage(oid_of);
CREATE FUNCTION debian.mails(extensions.citext) RETURNS setof debian.extended LANGUAGE sql STABLE
    AS 'SELECT * FROM debian.extended WHERE mail = $1';
CREATE TEXT SEARCH CONFIGURATION debian.plain (COPY = german);
ALTER TEXT SEARCH CONFIGURATION debian.plain
    ALTER MAPPING FOR hword, word WITH public.unaccent, german_stem;

CREATE SERVER loopback FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host 'localhost', dbname 'nowhere', fetch_size '7');
CREATE USER MAPPING FOR CURRENT_USER SERVER loopback OPTIONS (user 'u', password 'mapping-s3cret');
CREATE FOREIGN TABLE debian.remote (id int OPTIONS (column_name 'ID'), t text) SERVER loopback
    OPTIONS (schema_name 'public', table_name 'far');
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE debian.passwd (line text) SERVER files OPTIONS (filename '/etc/passwd');

-- A partitioned table with a foreign leaf: its rows are not ours.
CREATE TABLE debian.split (id int, t text) PARTITION BY RANGE (id);
CREATE TABLE debian.split_here PARTITION OF debian.split FOR VALUES FROM (0) TO (100);
CREATE FOREIGN TABLE debian.split_there PARTITION OF debian.split FOR VALUES FROM (100) TO (200)
    SERVER loopback OPTIONS (table_name 'there');
INSERT INTO debian.split VALUES (1, 'here');
