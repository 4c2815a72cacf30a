#!/usr/bin/env bash
# Measures the time to the first statement: from a clone with nothing compiled to the first settled statement, by the first command
# of the README. Downloads are not counted, since they depend on the network: crates are fetched before.
#
# Fails above the budget of CONTRIBUTING.md, in seconds of processor time: those depend least on what else the machine does.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

budget=$(sed -n 's/.*Budget of the first statement: \([0-9]*\) s.*/\1/p' CONTRIBUTING.md)
work=$(mktemp -d "${TMPDIR:-/tmp}/pledge-first.XXXXXX")
trap 'rm -rf "$work"' EXIT
git clone --quiet . "$work/clone"
cd "$work/clone"
cargo fetch --locked --quiet
export CARGO_TARGET_DIR=$work/target

step "cargo run -- demo --once"
TIMEFORMAT='%0R %0U %0S'
{ time cargo run --locked --quiet -- demo --once >"$work/demo" 2>"$work/log"; } 2>"$work/time" || { cat "$work/log" >&2; exit 1; }
grep -q 'exactly 20/3' "$work/demo" || { echo "the demo settles no statement" >&2; exit 1; }
read -r real user system < <(tail -n 1 "$work/time")
crates=$(cargo tree -p pledge-server -e normal,build --prefix none --locked | awk '{ print $1, $2 }' | sort -u | wc -l)
echo "$crates crates, $real s, $((user + system)) s of processor time (budget: $budget s), $(du -sh "$CARGO_TARGET_DIR" | cut -f1)"
[ $((user + system)) -le "$budget" ]
