# Keeps a private server: $1 is the signal that ends it at once, $2 its folder, the rest is the
# server with its arguments. Standard input is a pipe that only bookend holds. The kernel closes
# it when bookend is gone, however it went: then the server is ended and its folder removed.
trap '' INT TERM HUP
signal=$1 folder=$2
shift 2
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -H -n)" 2>/dev/null
exec 3<&0 </dev/null
"$@" 3<&- >&2 &
server=$!
# What the shell itself would say (that the server was killed) would kill it: nobody listens
# any more when bookend is gone.
exec 2>/dev/null
(
    while read -r _ <&3; do :; done
    : >"$folder/.closing"
    kill -"$signal" "$server"
    for _ in 1 2 3 4 5; do sleep 1; done
    kill -KILL "$server"
) &
watch=$!
exec 3<&-
wait "$server"
status=$?
kill -KILL "$watch"
# A server that ended by itself leaves its folder to bookend.
if [ -e "$folder/.closing" ]; then
    cd /
    # Its last children may still be writing.
    for _ in 1 2 3; do rm -rf "$folder" && break; sleep 1; done
fi
exit "$status"
