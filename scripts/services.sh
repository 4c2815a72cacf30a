#!/usr/bin/env bash
# The database servers that tests need: a MariaDB, a PostgreSQL and a Redis of their own, on free ports of 127.0.0.1.
#
#   scripts/services.sh exec COMMAND...   runs the command with them and stops them afterwards; its exit code is the command's
#   scripts/services.sh start             starts them for work by hand and prints `export` lines, also in target/services
#   scripts/services.sh stop              ends what start began
#
# The command finds them in PLEDGE_TEST_MYSQL_URL (a user that may create databases), PLEDGE_TEST_POSTGRES_URL (one that may
# create schemas) and PLEDGE_TEST_REDIS_URL. What is set already stays, and nothing is started for it: so tests run on a genuine
# MySQL too. It has no standard input.
#
# Data live in a new folder below TMPDIR and are gone at the end. No server that runs already, no default data folder and no
# configuration of the system is touched. Needs MariaDB 10.8, PostgreSQL 15 and Redis 6 or newer, installed like what
# scripts/test.sh needs.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
source "$root/scripts/lib.sh"

PATH=$PATH:/usr/sbin:/usr/local/sbin # where packages put servers, and where PATH seldom leads
state=$root/target/services
work=''     # the folder of the data
command=''  # the process that runs the command, and its group
postgres='' # PostgreSQL's process

usage() {
    sed -n '4,6s/^# *//p' "$0" >&2
    exit 2
}

fail() {
    echo "$*" >&2
    exit 1
}

# Nothing here outlives the run, so servers are killed: no stop is faster or more certain. Nor does a child of the command.
# PostgreSQL alone has memory that outlives it, and may give it back first.
clean_up() {
    trap '' INT TERM HUP
    local group
    if [ -n "$postgres" ] && kill -QUIT "$postgres" 2>/dev/null; then
        for _ in $(seq 50); do kill -0 "$postgres" 2>/dev/null && sleep 0.02; done
    fi
    for group in $command $(jobs -p); do
        for _ in $(seq 50); do # until none is left; without a reaper of orphans, dead ones stay
            kill -KILL -- "-$group" || break
            sleep 0.02
        done
    done 2>/dev/null
    rm -rf "$work" || true # the exit code stays the command's
}

# signalled NAME NUMBER: passes a signal to the command while it runs; else ends the script.
signalled() {
    [ -n "$command" ] || exit $((128 + $2))
    kill -s "$1" -- "-$command" 2>/dev/null || true
}

# apart COMMAND...: runs it in the background in a group of its own, which Ctrl-C at the terminal does not reach.
apart() {
    set -m
    "$@" </dev/null &
    set +m
}

# launch NAME SERVER...: starts the server on a free port and leaves it in $port. NAME_answers asks it through its socket in
# $work, where no other server can answer. Only the server itself can find out whether a port is free, so it tries several.
launch() {
    local name=$1 log=$work/$1.log
    shift
    for _ in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000)) # below those that the system gives to outgoing connections
        apart "$@" --port "$port" >"$log" 2>&1
        for _ in $(seq 600); do
            if "${name}_answers" >/dev/null 2>&1; then return; fi
            kill -0 $! 2>/dev/null || break
            sleep 0.05
        done
        grep -q 'Address already in use' "$log" || break
    done
    refuse "$name does not start" "$log"
}

refuse() { # refuse MESSAGE LOG
    echo "$1. The end of its log:" >&2
    tail -n 40 "$2" >&2
    exit 1
}

mariadb_answers() { mariadb-admin --no-defaults --user=root --socket="$work/mariadb.sock" ping; }
postgres_answers() { psql --no-psqlrc --host="$work" --port="$port" --username=pledge --dbname=postgres --command='SELECT 1'; }
redis_answers() { [ "$(redis-cli -s "$work/redis.sock" ping)" = PONG ]; }

start_mariadb() {
    need mariadbd mariadb-server >&2
    # Flushing at each commit stays on (innodb_flush_log_at_trx_commit = 1, the default): a test that kills the server must find
    # what was committed, and timing should be that of production. TMPDIR=/dev/shm makes it cheap where that matters.
    # The temporary folder is its own too: a server that starts removes temporary tables there, whosever they are.
    local options=(--no-defaults --datadir="$work/mariadb" --tmpdir="$work")
    options+=(--innodb-log-file-size=16M --innodb-buffer-pool-size=64M)
    [ "$(id -u)" != 0 ] || options+=(--user=root)
    apart mariadb-install-db "${options[@]}" --auth-root-authentication-method=normal --skip-test-db >"$work/install.log" 2>&1
    wait $! || refuse "mariadb-install-db fails" "$work/install.log"
    launch mariadb mariadbd "${options[@]}" --bind-address=127.0.0.1 --socket="$work/mariadb.sock" \
        --skip-log-bin --max-connections=500 --character-set-server=utf8mb4 --sql-mode=TRADITIONAL
    export PLEDGE_TEST_MYSQL_URL=mysql://root@127.0.0.1:$port
}

# PostgreSQL refuses to run as root, and then runs as the user of its package.
as_postgres() {
    local user=()
    [ "$(id -u)" != 0 ] || user=(setpriv --reuid=postgres --regid=postgres --clear-groups)
    exec "${user[@]}" "$@"
}

postgres_server() { # postgres_server --port PORT, as every server is launched
    as_postgres postgres -D "$work/postgres" -p "$2" -c listen_addresses=127.0.0.1 -c unix_socket_directories="$work" \
        -c max_connections=500 -c dynamic_shared_memory_type=mmap -c fsync=off # no test kills it
}

start_postgres() {
    local debian=/usr/lib/postgresql/*/bin
    PATH=$PATH$(printf ':%s' $debian)
    need postgres postgresql >&2
    PATH=$PATH$(printf ':%s' $debian) # again, for what was installed
    chmod 711 "$work"
    mkdir "$work/postgres"
    [ "$(id -u)" != 0 ] || chown postgres: "$work" "$work/postgres"
    local log=$work/initdb.log
    apart as_postgres initdb -D "$work/postgres" --username=pledge --auth=trust --encoding=UTF8 --no-locale --no-sync >"$log" 2>&1
    wait $! || refuse "initdb fails" "$log"
    launch postgres postgres_server
    postgres=$!
    export PLEDGE_TEST_POSTGRES_URL=postgres://pledge@127.0.0.1:$port/postgres
}

start_redis() {
    need redis-server redis-server >&2
    launch redis redis-server --bind 127.0.0.1 --unixsocket "$work/redis.sock" --dir "$work" --save '' --appendonly no
    export PLEDGE_TEST_REDIS_URL=redis://127.0.0.1:$port
}

start_servers() {
    trap clean_up EXIT
    trap 'signalled INT 2' INT
    trap 'signalled TERM 15' TERM
    trap 'signalled HUP 1' HUP
    work=$(mktemp -d "${TMPDIR:-/tmp}/pledge-services.XXXXXX")
    [ -n "${PLEDGE_TEST_MYSQL_URL:-}" ] || start_mariadb
    [ -n "${PLEDGE_TEST_POSTGRES_URL:-}" ] || start_postgres
    [ -n "${PLEDGE_TEST_REDIS_URL:-}" ] || start_redis
}

run() {
    start_servers
    apart "$@"
    command=$!
    while kill -0 "$command" 2>/dev/null; do wait "$command" || true; done # a signal ends `wait` before the command ends
    wait "$command"
}

# Keeps the servers for as long as the file in target is the one that it wrote.
hold() {
    start_servers
    local lines
    lines=$(printf '# data: %s\n' "$work"
        local name
        for name in PLEDGE_TEST_{MYSQL,POSTGRES,REDIS}_URL; do printf 'export %s=%q\n' "$name" "${!name}"; done)
    (set -o noclobber && echo "$lines" >"$state")
    while [ "$(cat "$state" 2>/dev/null)" = "$lines" ]; do sleep 0.2; done
}

start() {
    [ ! -e "$state" ] || fail "Started already: source $state, or end it with scripts/services.sh stop."
    mkdir -p "$root/target"
    local log=$root/target/services.log
    apart nohup "$0" hold >"$log" 2>&1
    local holder=$!
    trap 'kill "$holder"; exit 130' INT TERM HUP
    until [ -s "$state" ]; do
        kill -0 "$holder" 2>/dev/null || refuse "The servers do not start" "$log"
        sleep 0.05
    done
    grep '^export' "$state"
}

stop() {
    [ -e "$state" ] || fail "Nothing was started: there is no $state."
    work=$(sed -n 's/^# data: //p' "$state")
    rm "$state"
    for _ in $(seq 100); do
        [ -e "$work" ] || return 0
        sleep 0.1
    done
    fail "$work is still there: remove it, unless a server runs in it."
}

case "${1:-} $#" in
"exec 1") usage ;;
"exec "*) run "${@:2}" ;;
"start 1" | "stop 1" | "hold 1") "$1" ;;
*) usage ;;
esac
