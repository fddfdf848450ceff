#!/usr/bin/env bash
# A migration of a shop, bracketed: `make demo`. The server is the demo's own and ends with it;
# the archives stay in backups/.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
postgres=$root/.cache/postgres-16
bookend=${BOOKEND:-$root/target/release/bookend}

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
heading() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }

# show CODE COMMAND…: prints the command as one would type it, runs it, expects this exit code.
show() {
    local expected=$1 code=0 word line='$'
    shift
    for word; do
        if [[ $word == *[^A-Za-z0-9_./:=@%,+-]* ]]; then line+=" '$word'"; else line+=" $word"; fi
    done
    printf '%s%s%s\n' "$bold" "$line" "$plain"
    "$@" || code=$?
    if ((code != expected)); then
        echo "the demo expected exit code $expected here, not $code" >&2
        exit 1
    fi
}

[[ -x $bookend ]] || { echo "error: there is no $bookend; hint: make build" >&2; exit 1; }
[[ -x $postgres/bin/postgres ]] || { echo "error: no PostgreSQL in .cache; hint: make servers" >&2; exit 1; }

began=$SECONDS
umask 022
folder=$(mktemp -d /tmp/bookend-demo-XXXXXX)
chmod 755 "$folder"
# The server holds on until our end of its stdin closes, however this script ends.
coproc SERVER { exec python3 "$root/scripts/local_server.py" "$postgres" "$folder/server" fsync=off; }
server_pid=$SERVER_PID
# shellcheck disable=SC2317
finish() {
    local code=$?
    trap - EXIT
    eval "exec ${SERVER[1]:-9}>&-" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The environment of somebody who looks after this one database.
for name in $(compgen -v PG); do unset "$name"; done
unset MONGODB_URI
export PATH=$folder/bin:$postgres/bin:/usr/local/bin:/usr/bin:/bin
mkdir "$folder/bin"
ln -s "$bookend" "$folder/bin/bookend"

heading 'A shop on PostgreSQL 16'
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
note 'Back up, restore beside the original, compare; only then migrate; back up again; compare again.'
show 0 bookend run -- psql -X -v ON_ERROR_STOP=1 -f scripts/demo/migration.sql

heading 'What the store holds now'
show 0 bookend list

newest() { local found=("backups/shop-"*"-$1.tar"); basename "${found[-1]}" .tar; }
before=$(newest before)
after=$(newest after)

heading 'What the migration did, from the two archives alone'
show 3 bookend diff "$before" "$after"

heading 'Does the new state restore, too?'
show 0 bookend verify --prove "$after"

heading 'The way back: the shop as it was, beside the one that is'
show 0 bookend restore "$before" --into shop_before
show 0 psql -P footer=off -d shop_before \
    -c 'SELECT name, loyalty_points FROM customers ORDER BY id LIMIT 3'

heading "Done in $((SECONDS - began)) s"
note "The server ends now. The archives stay: $before.tar, $after.tar in backups/"
note 'Each restores without bookend, too: tar -xf, then read RESTORE.md.'
