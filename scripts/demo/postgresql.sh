# shellcheck shell=bash
# The demo's part on PostgreSQL; read by scripts/demo.sh.

heading 'PostgreSQL: a shop'
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
psql -At -F ' rows in ' <<'SQL' | sed 's/^/  /'
SELECT to_char(reltuples, '999,999'), relname
FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace ORDER BY reltuples DESC;
SQL
note 'DATABASE_URL leads to it, as the role that owns it; no superuser is needed.'
notes() { psql -At -c "SELECT to_char(count(*), 'FM999,999') || ' notes, checksum ' || left(md5(string_agg($1, ',' ORDER BY $2)), 8) FROM $3"; }
in_orders() { notes legacy_note id 'orders WHERE legacy_note IS NOT NULL'; }
in_a_table_of_their_own() { notes legacy_note order_id order_notes; }
written=$(in_orders)

heading '1. A migration that loses data is found on a copy'
show 0 cat scripts/demo/move_notes.sql
note 'Back up, restore beside the original, compare the two; then try the migration on that copy.'
show 4 bookend rehearse -- psql -Xq -v ON_ERROR_STOP=1 -f scripts/demo/move_notes.sql
note 'Exit code 4: refused. Orders that nobody has paid yet have no payment to join.'
check 'the shop has all its notes' "$written" "$(in_orders)"

heading '2. Corrected, it goes through'
show 1 diff scripts/demo/move_notes.sql scripts/demo/move_notes_corrected.sql
show 0 bookend run -- psql -Xq -v ON_ERROR_STOP=1 -f scripts/demo/move_notes_corrected.sql
check 'all notes are in the table of their own' "$written" "$(in_a_table_of_their_own)"

heading '3. And back again'
note 'The backup from before takes the place of the database. The migrated one is kept, under another name.'
show 0 bookend rollback
check 'the notes are in the orders again' "$written" "$(in_orders)"
kept=$(database=postgres psql -At -c "SELECT datname FROM pg_database WHERE datname LIKE 'shop_failed_%'")
check 'the migrated shop is kept' "$written" "$(database=$kept in_a_table_of_their_own)"

unset DATABASE_URL
end_server
