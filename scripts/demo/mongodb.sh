# shellcheck shell=bash
# The demo's part on MongoDB; read by scripts/demo.sh.

heading 'MongoDB: to-do lists'
coproc SERVER { exec python3 "$root/scripts/local_mongod.py" "$folder/mongod" --wiredTigerCacheSizeGB=0.25 --oplogSize=256; }
server_pid=$SERVER_PID
read -r port password <&"${SERVER[0]}" || { echo 'error: the server did not start' >&2; exit 1; }
export PYTHONPATH=$cache/pymongo PYTHONDONTWRITEBYTECODE=1
port=$port password=$password python3 scripts/demo/keeper.py
export MONGODB_URI="mongodb://keeper:$password@127.0.0.1:$port/todos?authSource=admin&directConnection=true"
python3 scripts/demo/todos.py
note 'MONGODB_URI leads to it, as a user who owns it and may make databases; no administrator is needed.'
done_todos() { python3 scripts/demo/done_todos.py; }
written=$(done_todos)

heading '1. A migration that loses data is found on a copy'
show 0 cat scripts/demo/rename_done.py
show 4 bookend rehearse -- python3 scripts/demo/rename_done.py
note 'Exit code 4: refused. The field is called done, not done_at.'
check 'the to-dos are as they were' "$written" "$(done_todos)"

heading '2. Corrected, it goes through'
show 1 diff scripts/demo/rename_done.py scripts/demo/rename_done_corrected.py
show 0 bookend run -- python3 scripts/demo/rename_done_corrected.py
check 'the field has its new name, and all its values' "${written/(done)/(completed_at)}" "$(done_todos)"

heading '3. And back again'
note 'Collection by collection, in place. The migrated ones are kept, under other names.'
show 0 bookend rollback
check 'the to-dos are as they were' "$written" "$(done_todos)"

unset MONGODB_URI PYTHONPATH
end_server
