#!/usr/bin/env bash
# Asks every operation of /openapi.json what the document allows, and what it forbids, over the demo: no answer is 5xx, none is
# outside the document.
#
#   scripts/schemathesis.sh [CASES]    cases an operation, 25 by default; PLEDGE_SEED for another seed than 1
#
# Each operation is asked twice: with paths that are drawn, and with a chain, a token, an account and a settlement of the demo.
# The caller is a program that may do everything but stop the chains of the demo, which would end it. What is live does not end, and is
# not asked. Needs Python 3.10 or newer; schemathesis is installed below target/.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

VERSION=4.32.5
CHECKS=not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance
CHECKS+=,response_schema_conformance,negative_data_rejection,unsupported_method
cases=${1:-25}
target=$(realpath -m "${CARGO_TARGET_DIR:-target}")
tools=$target/schemathesis-$VERSION

if [ ! -x "$tools/bin/schemathesis" ]; then
    step "schemathesis $VERSION"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "schemathesis==$VERSION"
fi

step "the demo"
# With the examples, whose dependencies are those of the tests: without them most crates would be built once more.
cargo build --locked --quiet --workspace --all-features --bins --examples
work=$(mktemp -d)
head -c 24 /dev/urandom | base64 >"$work/password"
"$target/debug/pledge" demo --listen 127.0.0.1:0 --admin tester <"$work/password" >"$work/story" 2>"$work/log" &
demo=$!
trap 'kill "$demo" 2>/dev/null || true; rm -rf "$work"' EXIT
url=
for _ in $(seq 300); do
    url=$(grep -o -m 1 'http://127\.0\.0\.1:[0-9]*' "$work/story" || true)
    [ -n "$url" ] && break
    kill -0 "$demo" || { cat "$work/log" >&2; exit 1; }
    sleep 0.2
done

# The first value of a member in an answer of the API.
first() { # first PATH MEMBER
    curl --silent --fail "$url/api/v1/$1" | python3 -c 'import json, sys; print(json.load(sys.stdin)["items"][0][sys.argv[1]])' "$2"
}
# A member of the answer to a write of the API.
write() { # write PATH TOKEN MEMBER BODY
    curl --silent --fail "$url/api/v1/$1" -H "Authorization: Bearer $2" -H 'Content-Type: application/json' \
        -H "Idempotency-Key: schemathesis-$3" -d "$4" | python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$3"
}
signed_in=$(curl --silent --fail "$url/api/v1/auth/password" -H 'Content-Type: application/json' \
    -d "{\"name\": \"tester\", \"password\": \"$(cat "$work/password")\"}" | python3 -c 'import json, sys; print(json.load(sys.stdin)["access_token"])')
permissions='["all:read", "settlements:retry", "users:change", "roles:change", "api-keys:change", "audit:read"]'
write admin/roles "$signed_in" role "{\"role\": \"tester\", \"permissions\": $permissions, \"reason\": \"a test\"}" >/dev/null
# An operator of a chain that is not there gets as far as its body.
grants='[{"role": "tester"}, {"role": "operator", "chains": [404]}]'
caller=$(write admin/api-keys "$signed_in" secret "{\"name\": \"tester\", \"grants\": $grants, \"reason\": \"a test\"}")
chain=$(first chains chain_id)
token=$(first "chains/$chain/tokens" address)
cat >"$work/known.toml" <<TOML
[parameters]
"path.chain_id" = $chain
"path.token" = "$token"
"path.account" = "$(first "chains/$chain/tokens/$token/accounts?sort=balance" account)"
"path.id" = "$(first settlements id)"
TOML
: >"$work/drawn.toml"

for paths in drawn known; do
    step "$cases cases an operation, paths $paths"
    # What it keeps of a run belongs nowhere in the sources.
    cd "$work"
    "$tools/bin/schemathesis" --config-file "$work/$paths.toml" run "$url/openapi.json" --checks "$CHECKS" \
        --exclude-tag live --phases examples,coverage,fuzzing --max-examples "$cases" --seed "${PLEDGE_SEED:-1}" \
        --header "Authorization: Bearer $caller" --request-timeout 60 --warnings off --continue-on-failure --output-truncate false
done
