#!/usr/bin/env bash
# The server as strangers meet it, each with a tool from Debian's packages:
#
#   scripts/outside.sh browser     pages of an allowed and of another origin read the API in Chromium
#   scripts/outside.sh slow        slowhttptest: heads, bodies and readers that take their time
#   scripts/outside.sh injection   sqlmap, over every part of a path and every parameter
#
# The server follows a token on an anvil of its own, and listens on this machine only.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

case ${1:-} in
    browser) need chromium chromium && need python3 python3 ;;
    slow) need slowhttptest slowhttptest ;;
    injection) need sqlmap sqlmap ;;
    *)
        sed -n '4,6s/^#\( *\)//p' "$0" >&2
        exit 2
        ;;
esac
need curl curl
[ -x node_modules/.bin/anvil ] || npm ci --no-audit --no-fund --loglevel=error
cargo build --locked --quiet --workspace --all-features --bins --examples
bin=$(cargo metadata --no-deps --format-version 1 | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')/debug
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait; rm -rf "$work"' EXIT

# serve_pages NAME: serves scripts/outside on a free port, and prints its origin.
serve_pages() {
    python3 -u -m http.server --bind 127.0.0.1 --directory scripts/outside 0 >"$work/$1" 2>&1 &
    started "$work/$1" 'http://127\.0\.0\.1:[0-9]+'
}

node_modules/.bin/anvil --host 127.0.0.1 --port 0 --timestamp 1767225600 >"$work/anvil" 2>&1 &
rpc=http://$(started "$work/anvil" '127\.0\.0\.1:[0-9]+')
"$bin/examples/token_events" --rpc-url "$rpc" >"$work/token"
token=$(started "$work/token" '0x[0-9a-fA-F]{40}')
serve_pages friend >"$work/friend.origin"
serve_pages stranger >"$work/stranger.origin"
friend=$(cat "$work/friend.origin") stranger=$(cat "$work/stranger.origin")

cat >"$work/pledge.toml" <<TOML
[storage]
url = "sqlite:$work/pledge.db"
[server]
listen = "127.0.0.1:0"
allowed_origins = ["$friend"]
[limits]
requests_per_second = 0
[chains.local]
chain_id = 31337
rpc_urls = ["$rpc"]
confirmations = 0
[chains.local.tokens.usdx]
address = "$token"
[chains.local.tokens.usdx.points]
rate = "0.05"
TOML
(cd "$work" && exec "$bin/pledge" run) >"$work/server" 2>&1 &
api=$(started "$work/server" 'http://127\.0\.0\.1:[0-9]+/api/v1')
accounts=$api/chains/31337/tokens/$token/accounts
for _ in $(seq 300); do
    if curl -sf "$accounts?sort=balance&limit=1" | grep -q account; then break; fi
    sleep 0.1
done
account=$(curl -sf "$accounts?sort=balance&limit=1" | grep -oEm1 '0x[0-9a-fA-F]{40}' | head -n 1)

page() { # page ORIGIN: what a page of this origin shows once it has read the API
    chromium --headless --no-sandbox --disable-gpu --user-data-dir="$work/chromium" --virtual-time-budget=10000 \
        --dump-dom "$1/page.html?api=$api&token=$token" 2>"$work/chromium.log" | grep -oP 'id="result">\K[^<]*'
}

browser() {
    local friendly strange
    friendly=$(page "$friend") && strange=$(page "$stranger") || { cat "$work/chromium.log" >&2; exit 1; }
    printf 'allowed origin   %s\nanother origin   %s\n' "$friendly" "$strange"
    [[ $friendly == "read: "*" accounts in "*" pages, problem unknown-chain with a request id, PUT refused" ]]
    [[ $strange == "refused: "* ]]
}

slow() {
    local name result
    for name in "heads -H" "bodies -B" "readers -X -k 3 -w 10 -y 20 -n 5 -z 32"; do
        read -r name result <<<"$name"
        # shellcheck disable=SC2086
        slowhttptest -c 1000 $result -r 200 -i 10 -l 30 -p 3 -t GET -x 24 -u "$accounts?limit=1000" >"$work/slow" 2>&1 || true
        result=$(sed 's/\x1b\[[0-9;]*m//g' "$work/slow" | grep -oE 'service available: *(YES|NO)' | sort -u | tr '\n' ' ')
        printf '%-8s %s\n' "$name" "$result"
        [[ $result == *YES* && $result != *NO* ]]
    done
    curl -sf --max-time 1 "${api%/api/v1}/healthz"
    echo
}

injection() {
    local url output
    for url in "$api/chains/31337*" "$api/chains/31337/tokens/$token*" "$accounts/$account*" "$accounts?sort=points*&limit=1*&cursor=00*" \
        "$accounts/$account?at=1767225600*&programme=main*" "$accounts/$account/changes?limit=1*&cursor=00*" \
        "$accounts/$account/points?from=1767225600*&to=1767229200*&bucket=1h*" "$accounts/$account/statements?limit=1*&programme=main*" \
        "$api/settlements?limit=1*&cursor=00*" "$api/settlements/1*"; do
        output=$(sqlmap --batch --flush-session --level 2 --risk 2 --ignore-code '*' --skip-waf --output-dir "$work/sqlmap" -u "$url" 2>&1)
        printf '%s: ' "${url#"$api"}"
        if grep -q 'do not appear to be injectable' <<<"$output" && ! grep -qE 'is vulnerable|appears to be .*injectable' <<<"$output"; then
            echo "nothing found"
        else
            echo "$output"
            exit 1
        fi
    done
}

"$1"
