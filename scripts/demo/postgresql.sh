# shellcheck shell=bash
# The demo's part on PostgreSQL; read by scripts/demo.sh.

heading 'A shop on PostgreSQL 16'
coproc SERVER { exec python3 "$root/scripts/local_server.py" "$cache/postgres-16" "$folder/server" fsync=off; }
server_pid=$SERVER_PID
read -r port password _ <&"${SERVER[0]}" || { echo 'error: the server did not start' >&2; exit 1; }
# psql as the shop's own role; the password stays out of every argument list.
psql() {
    PGHOST=127.0.0.1 PGPORT=$port PGUSER=${role:-shop} PGPASSWORD=$password PGDATABASE=${database:-shop} \
        command psql -X "$@"
}
export password
role=postgres database=postgres psql -q -v ON_ERROR_STOP=1 <<'SQL'
\getenv password password
CREATE ROLE shop LOGIN CREATEDB PASSWORD :'password';
CREATE DATABASE shop OWNER shop;
SQL
export -n password
export DATABASE_URL=postgres://shop:$password@127.0.0.1:$port/shop
psql -q -f scripts/demo/shop.sql
psql -q -P footer=off <<'SQL'
SELECT relname AS table, to_char(reltuples, '999,999') AS rows,
       pg_size_pretty(pg_total_relation_size(oid)) AS size
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY reltuples DESC;
SQL
note 'DATABASE_URL leads to it, as the role that owns it. No superuser is needed.'

heading 'The migration'
show 0 cat scripts/demo/migration.sql

heading 'The migration, bracketed'
note 'Back up, restore beside the original, compare; then try the migration on that copy. It loses data there: refused.'
show 4 bookend run -- psql -X -v ON_ERROR_STOP=1 -f scripts/demo/migration.sql

heading 'The loss is meant'
note 'What may be lost is named. Now the migration goes through, and does what it did on the copy.'
show 0 bookend run --allow-loss public.orders.legacy_note -- psql -X -v ON_ERROR_STOP=1 -f scripts/demo/migration.sql

heading 'What the store holds now'
show 0 bookend list

before=$(newest shop before)
after=$(newest shop after)

heading 'What the migration did, from the two archives alone'
show 3 bookend diff "$before" "$after"

heading 'Does the new state restore, too?'
show 0 bookend verify --prove "$after"

heading 'The way back: the shop as it was, beside the one that is'
show 0 bookend restore "$before" --into shop_before
show 0 psql -P footer=off -d shop_before \
    -c 'SELECT name, loyalty_points FROM customers ORDER BY id LIMIT 3'

heading 'And all the way back: the backup from before in the place of the database, which is kept'
show 0 bookend rollback latest
show 0 psql -P footer=off -d shop -c 'SELECT name, loyalty_points FROM customers ORDER BY id LIMIT 3'

unset DATABASE_URL
end_server
