#!/bin/sh
# Rehearses a migration on a stored archive. docs/ci.md tells what it needs and what it leaves.
#
#     docs/examples/ci.sh ARCHIVE COMMAND [ARG]...
#
#     OUT         where results go; default: bookend-ci
#     ALLOW_LOSS  a file of patterns, one a line; default: migrations/allow-loss.txt, if it is there
#     CHECK       one line for sh that must exit 0 after the migration
#     TIMEOUT     how long COMMAND may take; default: 30m
#
# Ends with bookend's exit code.
set -eu

[ $# -ge 2 ] || { echo 'usage: ci.sh ARCHIVE COMMAND [ARG]...' >&2; exit 2; }
archive=$1
shift
out=${OUT:-bookend-ci}
allowed=${ALLOW_LOSS:-migrations/allow-loss.txt}

mkdir -p "$out"
rm -f "$out/rehearsal.json" "$out/junit.xml" "$out/summary.md" "$out/report.html"
# A store of this job's own: `latest` is this run, and none that a cache brought along.
store=$(mktemp -d "$out/store-XXXXXX")

set -- -- "$@"
[ -z "${CHECK:-}" ] || set -- --check "$CHECK" "$@"
# What may be lost stands in the repository and is reviewed with the migration.
if [ -f "$allowed" ]; then
    while IFS= read -r pattern || [ -n "$pattern" ]; do
        case $pattern in '' | '#'*) continue ;; esac
        set -- --allow-loss "$pattern" "$@"
    done <"$allowed"
fi

code=0
bookend --store "$store" --json rehearse "$archive" --timeout "${TIMEOUT:-30m}" "$@" \
    >"$out/rehearsal.json" || code=$?

# Exit 2, 6 and 7 come before there is a run to report: then the error is above and in rehearsal.json.
log=$(find "$store/runs" -name journal.jsonl 2>/dev/null || true)
if [ -n "$log" ]; then
    for form in junit.xml summary.md report.html; do
        bookend --store "$store" --quiet report latest --output "$out/$form"
    done
    log=${log%journal.jsonl}command.log
    if [ "$code" -eq 5 ] && [ -s "$log" ]; then
        # What COMMAND said last, as a block that nothing in it can end.
        { printf '\n'; tail -n 40 "$log" | sed 's/^/    /'; } >>"$out/summary.md"
    fi
else
    printf '### bookend did not begin (exit %s)\n\nThe error is in the log of this job.\n' "$code" >"$out/summary.md"
fi
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
exit "$code"
