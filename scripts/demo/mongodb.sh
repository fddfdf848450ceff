# shellcheck shell=bash
# The demo's part on MongoDB; read by scripts/demo.sh.

heading 'To-do lists on MongoDB 6.0'
coproc SERVER { exec python3 "$root/scripts/local_mongod.py" "$folder/mongod" --wiredTigerCacheSizeGB=0.25 --oplogSize=256; }
server_pid=$SERVER_PID
read -r port password <&"${SERVER[0]}" || { echo 'error: the server did not start' >&2; exit 1; }
export PYTHONPATH=$cache/pymongo PYTHONDONTWRITEBYTECODE=1
port=$port password=$password python3 scripts/demo/keeper.py
export MONGODB_URI="mongodb://keeper:$password@127.0.0.1:$port/todos?authSource=admin&directConnection=true"
python3 scripts/demo/todos.py
# The program that writes ends with the demo, however that ends.
end_busy() {
    [[ -n ${busy_pid:-} ]] || return 0
    kill "$busy_pid" 2>/dev/null || true
    wait "$busy_pid" 2>/dev/null || true
    busy_pid=
}
note 'MONGODB_URI leads to it, as a user who owns it and may make databases. No administrator is needed.'

heading 'The migration'
show 0 cat scripts/demo/migrate_todos.py

heading 'Bracketed, while others write'
note 'A program moves to-dos between lists, in transactions. A dump of MongoDB is then of no one time: refused.'
exec {busy}< <(exec python3 scripts/demo/busy.py 2>/dev/null)
busy_pid=$!
read -r -u "$busy" _
show 4 bookend run -- python3 scripts/demo/migrate_todos.py
note 'Read at a snapshot, it is of one time. (The program still writes.)'
show 0 bookend backup --consistent --tag busy --prove
end_busy

heading 'Bracketed, now that nobody writes'
note 'The reviewers leave the to-dos for a collection of their own: that they are gone from there is meant.'
show 0 bookend run --allow-loss todos.reviewers -- python3 scripts/demo/migrate_todos.py

before=$(newest todos before)
after=$(newest todos after)

heading 'What the migration did, from the two archives alone'
show 3 bookend diff "$before" "$after"

heading 'Does the new state restore, too?'
show 0 bookend verify --prove "$after"

heading 'The way back: the lists as they were, beside those that are'
show 0 bookend restore "$before" --into todos_before

unset MONGODB_URI PYTHONPATH
end_server
