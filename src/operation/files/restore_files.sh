#!/bin/sh
# Puts the files that travel with the archive that this script was unpacked from into a new
# folder, with stock tools alone: tar, and zstd or gzip. Stops at the first error.
#
#   sh restore_files.sh NEW_FOLDER
set -eu

if [ $# -ne 1 ] || [ -z "$1" ]; then
    echo "usage: sh restore_files.sh NEW_FOLDER" >&2
    exit 2
fi
case $1 in
/*) into=$1 ;;
*) into=$(pwd)/$1 ;;
esac
if [ -e "$into" ] || [ -L "$into" ]; then
    echo "restore_files.sh: $1 is there already" >&2
    exit 4
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cd "$here"

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

(umask 077 && mkdir "$into")
for folder in files/*/; do
    # In the order of their numbers, which a glob does not keep behind 9999.
    set -- $(ls "$folder" | sort -n | sed "s|^|$folder|")
    check "$@"
    # Owners stay those of whoever unpacks (-o); modes are kept (-p).
    unpack "$@" | tar -xpof - -C "$into"
done
echo "restore_files.sh: done: $1"
