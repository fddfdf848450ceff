#!/usr/bin/env bash
# A shop on PostgreSQL and to-do lists on MongoDB: of each a migration that loses data and is refused, the corrected one
# that goes through, and the way back: `make demo`. What does not come out as it is told fails the demo.
# The servers are the demo's own and end with it; the archives stay in backups/.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
cache=${BOOKEND_TEST_SERVERS:-$root/.cache}
bookend=${BOOKEND:-$root/target/release/bookend}

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'; else bold='' dim='' green='' plain=''; fi
heading() { printf '\n%s── %s%s\n\n' "$bold" "$*" "$plain"; }
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
    echo
    if ((code != expected)); then
        echo "the demo expected exit code $expected here, not $code" >&2
        exit 1
    fi
}

# check WHAT EXPECTED FOUND: the demo fails if they are not the same.
check() {
    if [[ $2 != "$3" ]]; then
        printf 'the demo failed: %s: expected "%s", found "%s"\n' "$@" >&2
        exit 1
    fi
    printf '%s✓ %s%s\n' "$green" "$1: $3" "$plain"
}

# needs PROGRAM…: whether `make servers` and `make build` came first.
needs() {
    local program
    for program; do
        [[ -x $program ]] || { echo "error: there is no $program; hint: make servers build" >&2; exit 1; }
    done
}
needs "$bookend" "$cache/postgres-16/bin/postgres" "$cache/mongodb-6.0/bin/mongod" \
    "$cache/mongodb-tools/bin/mongodump" "$cache/pymongo"

began=$SECONDS
umask 022
folder=$(mktemp -d /tmp/bookend-demo-XXXXXX)
chmod 755 "$folder"

# A server holds on until our end of its stdin closes, however this script ends.
end_server() {
    [[ -n ${server_pid:-} ]] || return 0
    eval "exec ${SERVER[1]:-9}>&-" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
}
# shellcheck disable=SC2317
finish() {
    local code=$?
    trap - EXIT
    end_server
    rm -rf "$folder"
    exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# The environment of somebody who looks after one database.
for name in $(compgen -v PG); do unset "$name"; done
unset DATABASE_URL MONGODB_URI
mkdir "$folder/bin"
ln -s "$bookend" "$folder/bin/bookend"
export PATH=$folder/bin:$cache/postgres-16/bin:$cache/mongodb-tools/bin:/usr/local/bin:/usr/bin:/bin

# shellcheck source=scripts/demo/postgresql.sh
source scripts/demo/postgresql.sh
# shellcheck source=scripts/demo/mongodb.sh
source scripts/demo/mongodb.sh

heading "Done in $((SECONDS - began)) s"
note 'The servers are gone. The archives, and a bundle with the report of each run, stay in backups/: bookend list, bookend status.'
note 'Each archive restores without bookend, too: tar -xf, then read RESTORE.md.'
