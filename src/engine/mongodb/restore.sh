#!/bin/sh
# Restores the archive that this script was unpacked from into a new database, with stock
# tools alone: mongorestore, and zstd or gzip. The server is named by MONGODB_URI, without a
# database. Read RESTORE.md for what mongorestore leaves wrong.
#
#   MONGODB_URI=mongodb://… sh restore.sh NEW_DATABASE
set -eu

if [ $# -ne 1 ] || [ -z "$1" ]; then
    echo "usage: MONGODB_URI=mongodb://… sh restore.sh NEW_DATABASE" >&2
    exit 2
fi
name=$1
case $name in
*[/\\.\ \"\$*]*)
    echo "restore.sh: a database's name has none of / \\ . \" \$ * and no space" >&2
    exit 2
    ;;
esac
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"

say() { echo "restore.sh: $*"; }

# In a file that only this user can read: everybody can read arguments.
umask 077
config=$(mktemp)
trap 'rm -f "$config"' EXIT
trap 'exit 1' INT TERM HUP
uri=$(printf '%s' "${MONGODB_URI:-mongodb://127.0.0.1:27017}" | sed "s/'/''/g")
printf "uri: '%s'\n" "$uri" >"$config"

# In the order of their numbers, which a glob does not keep behind 9999.
set -- $(ls dump | sort -n | sed 's|^|dump/|')

# Fails the script if a frame is damaged: a pipe would hide it.
for chunk in "$@"; do
    case $chunk in
    *.zst) zstd -q -t "$chunk" ;;
    *.gz) gzip -t "$chunk" ;;
    esac
done
unpack() {
    for chunk in "$@"; do
        case $chunk in
        *.zst) zstd -q -d -c "$chunk" ;;
        *.gz) gzip -d -c "$chunk" ;;
        *) cat "$chunk" ;;
        esac
    done
}

say "restoring into $name"
# What does not match --nsFrom would be restored under its original name: this matches all.
# shellcheck disable=SC2016
unpack "$@" | mongorestore --config="$config" --archive --stopOnError \
    --nsInclude='*' --nsFrom='$db$.$collection$' --nsTo="$name.\$collection\$" \
    --bypassDocumentValidation --keepIndexVersion
[ ! -d files ] || say "the files that travel with it: sh restore_files.sh NEW_FOLDER"
say "done: $name; RESTORE.md says what to look at now"
