#!/bin/sh
# Restores the archive that this script was unpacked from into a new database, with stock
# tools alone: psql, pg_restore, and zstd or gzip. The server is named by PGHOST, PGPORT, PGUSER,
# PGPASSWORD and the like, as for psql. Stops at the first error.
#
#   sh restore.sh NEW_DATABASE
set -eu

if [ $# -ne 1 ] || [ -z "$1" ]; then
    echo "usage: sh restore.sh NEW_DATABASE" >&2
    exit 2
fi
name=$1
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"

# A connection string, so that a name with an equals sign or a slash is taken as a name.
quoted=$(printf '%s' "$name" | sed "s/[\\\\']/\\\\&/g")
target="dbname='$quoted'"

# The settings under which the text was written; a database's own must not change its meaning.
PGOPTIONS="${PGOPTIONS:-} -c datestyle=ISO -c intervalstyle=postgres -c TimeZone=UTC \
-c bytea_output=hex -c standard_conforming_strings=on -c lc_monetary=C -c xmloption=content \
-c row_security=off -c statement_timeout=0 -c lock_timeout=0 \
-c default_transaction_read_only=off"
export PGOPTIONS

run() { psql -X -q -v ON_ERROR_STOP=1 "$@" >/dev/null; }
say() { echo "restore.sh: $*"; }

# Fails the script if a frame is damaged: a pipe would hide it.
check() {
    for chunk in "$@"; do
        case $chunk in
        *.zst) zstd -q -t "$chunk" ;;
        *.gz) gzip -t "$chunk" ;;
        esac
    done
}
unpack() {
    for chunk in "$@"; do
        case $chunk in
        *.zst) zstd -q -d -c "$chunk" ;;
        *.gz) gzip -d -c "$chunk" ;;
        *) cat "$chunk" ;;
        esac
    done
}

say "creating the database"
run -d "${MAINTENANCE_DATABASE:-postgres}" -v database="$name" -f create.sql

# pg_restore goes on after an error; that is only fine for the one setting that older servers
# do not know.
restore() {
    errors=$(mktemp)
    if ! pg_restore --no-password -d "$target" "$@" 2>"$errors"; then
        if grep 'error:' "$errors" | grep -v 'unrecognized configuration parameter "transaction_timeout"' >/dev/null ||
            ! grep -q 'errors ignored on restore' "$errors"; then
            cat "$errors" >&2
            rm -f "$errors"
            exit 1
        fi
    fi
    rm -f "$errors"
}

say "definitions"
restore --section=pre-data toc.dump
run -d "$target" -f before_data.sql

if [ -d data ]; then
    for folder in data/*/; do
        set -- "$folder"*.copy*
        [ -e "$1" ] || continue
        say "rows of $(sed -n 's/^COPY \(.*\) FROM stdin;$/\1/p' "${folder}copy.sql" | head -n 1)"
        check "$@"
        { cat "${folder}copy.sql"; unpack "$@"; printf '\\.\n'; } | run -d "$target"
    done
fi
if [ -d large_objects ]; then
    say "large objects"
    # In the order of their numbers, which a glob does not keep behind 9999.
    set -- $(ls large_objects | sort -n | sed 's|^|large_objects/|')
    check "$@"
    unpack "$@" | restore
fi
run -d "$target" -f sequences.sql

say "indexes, constraints and what else comes after the rows"
restore --section=post-data --jobs="${JOBS:-1}" toc.dump
run -d "$target" -v database="$name" -f database.sql
PGOPTIONS='' run -d "$target" -f after_data.sql
run -d "$target" -c ANALYZE
[ ! -d files ] || say "the files that travel with it: sh restore_files.sh NEW_FOLDER"
say "done: $name"
