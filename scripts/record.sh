#!/usr/bin/env bash
# Records what the README shows: each block between `<!-- recorded: NAME -->` and `<!-- end -->` is what the commands below
# print now, on a local chain whose blocks and times are always the same.
#
#   scripts/record.sh           writes README.md
#   scripts/record.sh --check   fails, and shows the difference, where README.md differs
#
# Needs what scripts/test.sh needs, and curl.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

[ -x node_modules/.bin/anvil ] || npm ci --no-audit --no-fund --loglevel=error
# As the tests build them, so that nothing is built twice.
cargo build --locked --quiet --workspace --all-features --bins --examples
bin=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug
anvil=$PWD/node_modules/.bin/anvil
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# block NAME LANGUAGE: standard input becomes that block of the README. The age of the blocks depends on when they are read, so it is
# replaced by a few seconds; the id of a request is another each time.
block() {
    {
        echo "\`\`\`$2"
        sed -E "s|$rpc|http://127.0.0.1:8545|; s|$api|http://127.0.0.1:8080|; s/\(([0-9]+[a-z]+ ?)+ ago\)/(7s ago)/g
            s/(\"request_id\": \")[0-9a-f]{32}/\10f1e2d3c4b5a69788796a5b4c3d2e1f0/"
        echo '```'
    } >"$work/$1"
}

# shows NAME COMMAND...: a block with a command of pledge and what it prints, in $folder if it is set.
shows() {
    local name=$1 printed
    shift
    printed=$(cd "$work/${folder:-}" && "$bin/pledge" "$@" 2>"$work/errors") || { cat "$work/errors" >&2; exit 1; }
    { echo "\$ pledge $*"; echo "$printed"; } | block "$name" text
}

# answers NAME PATH: a block with an answer of the demo's server. Not every answer is a success.
answers() {
    curl -sS "$api/api/v1/$2" | node -e 'console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)), null, 2))' |
        block "$1" json
}

"$anvil" --port 0 --chain-id 31337 --timestamp 1767279600 >"$work/anvil.log" 2>&1 &
"$bin/pledge" demo --listen 127.0.0.1:0 >"$work/demo.log" 2>&1 &
rpc=http://$(started "$work/anvil.log" '127\.0\.0\.1:[0-9]+')
api=$(started "$work/demo.log" 'http://127\.0\.0\.1:[0-9]+')

shows demo demo --once

hour=$(curl -sS -o "$work/redirect" -w '%{redirect_url}' "$api/hour" | sed 's|.*/api/v1/||')
answers account "$hour"
answers account-then "$hour?at=2026-01-01T15:20:00Z"
answers account-too-late "$hour?at=2030-01-01T14:00:00Z"

node_call() { # node_call METHOD PARAMS
    curl -sSf -H 'content-type: application/json' -d "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"$1\",\"params\":$2}" "$rpc" |
        grep -q '"result"'
}
node_call anvil_setBlockTimestampInterval '[600]'
"$bin/examples/token_events" --rpc-url "$rpc" >"$work/token.log"
token=$(started "$work/token.log" '0x[0-9a-fA-F]{40}')
node_call anvil_mine '["0x10", "0x258"]'
shows index index --rpc-url "$rpc" --token "$token" --rate 0.05 --until-head
shows settle settle --until-settled
shows status status
shows verify verify --rpc-url "$rpc"

# The section of the README, on a chain of its own folder.
mkdir "$work/contract"
{
    printf '[chains.local]\nchain_id = 31337\nrpc_urls = ["%s"]\n' "$rpc"
    grep -A 2 '^\[chains.local.contracts.roles\]$' README.md
} >"$work/contract/pledge.toml"
(cd "$work/contract" && "$bin/pledge" index --until-head >"$work/contract.log" 2>&1) || { cat "$work/contract.log" >&2; exit 1; }
folder=contract shows logs logs local:roles --limit 1

awk -v work="$work" '
    /^<!-- recorded: .* -->$/ {
        print
        file = work "/" $3
        while ((state = (getline line < file)) > 0) print line
        if (state < 0) { print "README.md asks for " $3 ", which is not recorded" > "/dev/stderr"; exit 1 }
        skip = 1
        next
    }
    /^<!-- end -->$/ { skip = 0 }
    !skip { print }
' README.md >"$work/README.md"

if [ "${1:-}" = --check ]; then
    diff -u README.md "$work/README.md" || {
        echo "README.md shows something else than the program does: run scripts/record.sh" >&2
        exit 1
    }
else
    cp "$work/README.md" README.md
fi
