#!/usr/bin/env bash
# A genuine MySQL of its own for tests, where scripts/services.sh brings MariaDB:
#
#   scripts/mysql.sh exec COMMAND...      runs the command with it and stops it afterwards; its exit code is the command's
#
# The command finds it in PLEDGE_TEST_MYSQL_URL: a user who logs in as the server wants it by default (caching_sha2_password),
# so over TLS the first time. The other variables are those of scripts/services.sh.
#
# Debian ships MySQL only in its unstable release. The packages are fetched from there with apt, from the mirror that the system
# uses, and unpacked below target/mysql with the libraries that they need. Nothing is installed, and the system's sources stay as
# they are. Needs a Debian on amd64.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
cache=$root/target/mysql
files=$cache/files

if [ "${1:-} $#" = "exec 1" ] || [ "${1:-}" != exec ]; then
    sed -n '4p' "$0" | sed 's/^# *//' >&2
    exit 2
fi

# apt as if nothing were installed, with lists, packages and sources of its own.
private() {
    local program=$1
    shift
    "$program" -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$cache/sources" -o Dir::State::Lists="$cache/lists" \
        -o Dir::State::Status="$cache/status" -o Dir::Cache="$cache/apt" -o Dir::Etc::Parts=/dev/null \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=1 "$@" >&2
}

fetch() {
    rm -rf "$cache"
    mkdir -p "$cache"/{sources,lists/partial,apt/archives/partial,unpacked}
    touch "$cache/status"
    local mirror key=/usr/share/keyrings/debian-archive-keyring.gpg
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Label: Debian' | head -n 1)
    [ -n "$mirror" ] || refuse "apt knows no mirror of Debian: run apt-get update" /dev/null
    printf '%s\n' 'Types: deb' "URIs: $mirror" 'Suites: sid' 'Components: main' "Signed-By: $key" >"$cache/sources/sid.sources"
    private apt-get update
    private apt-get install --download-only --yes --no-install-recommends mysql-server-core
    local package
    for package in "$cache"/apt/archives/*.deb; do dpkg -x "$package" "$cache/unpacked"; done
    rm -rf "$cache/apt" "$cache/lists"
    mv "$cache/unpacked" "$files" # last: what is there is whole
}

# The server with the loader and the libraries that it was built for.
server() {
    local libraries=$files/usr/lib/x86_64-linux-gnu:$files/usr/lib/mysql/private
    exec "$files/usr/lib64/ld-linux-x86-64.so.2" --library-path "$libraries" "$files/usr/sbin/mysqld" --no-defaults \
        --datadir="$work/data" --lc-messages-dir="$files/usr/share/mysql" --character-sets-dir="$files/usr/share/mysql/charsets" \
        --plugin-dir="$files/usr/lib/mysql/plugin" --secure-file-priv= --user="$(id -un)" "$@"
}

# Nothing here outlives the run, so the server is killed: no stop is faster or more certain.
clean_up() {
    trap '' INT TERM HUP
    [ -z "${mysqld:-}" ] || kill -KILL "$mysqld" 2>/dev/null || true
    wait 2>/dev/null # bash prints killed jobs here
    rm -rf "$work"
}

refuse() { # refuse MESSAGE LOG
    echo "$1. The end of its log:" >&2
    tail -n 40 "$2" >&2
    exit 1
}

# Only the server itself can find out whether a port is free, so it tries several.
start() {
    local log=$work/mysqld.log
    (server --initialize-insecure) >"$log" 2>&1 || refuse "mysqld cannot make its data folder" "$log"
    echo "CREATE USER pledge IDENTIFIED BY 'pledge'; GRANT ALL ON *.* TO pledge WITH GRANT OPTION;" >"$work/users.sql"
    for _ in 1 2 3 4 5; do
        port=$((20000 + RANDOM % 12000)) # below those that the system gives to outgoing connections
        set -m                           # in a group of its own, which Ctrl-C at the terminal does not reach
        (server --port="$port" --bind-address=127.0.0.1 --mysqlx=OFF --socket="$work/socket" --init-file="$work/users.sql" \
            --skip-log-bin --max-connections=500 --innodb-redo-log-capacity=32M) </dev/null >"$log" 2>&1 &
        mysqld=$!
        set +m
        for _ in $(seq 600); do
            # Its own port in its own log: another server there does not count.
            if grep -q "ready for connections.* port: $port" "$log"; then return; fi
            kill -0 "$mysqld" 2>/dev/null || break
            sleep 0.05
        done
        grep -q 'Address already in use' "$log" || break
    done
    refuse "mysqld does not start" "$log"
}

[ -d "$files" ] || fetch
work=$(mktemp -d "${TMPDIR:-/tmp}/pledge-mysql.XXXXXX")
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
start
export PLEDGE_TEST_MYSQL_URL=mysql://pledge:pledge@127.0.0.1:$port
"$root/scripts/services.sh" "$@"
