#!/usr/bin/env bash
# Builds what may be left out: each feature of pledge-office alone, which keeps its domains apart, and the stores without the office.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

need python3 python3

lint() { cargo clippy --locked --all-targets --package pledge-office --no-default-features "$@" -- -D warnings; }

# A feature is a domain. `cargo metadata` knows them all, so a new one needs no line here.
step "no feature of pledge-office"
lint
features=$(cargo metadata --locked --no-deps --format-version 1 | python3 -c '
import json, sys
[office] = [package for package in json.load(sys.stdin)["packages"] if package["name"] == "pledge-office"]
print(*sorted(set(office["features"]) - {"default"}))')
for feature in $features; do
    step "feature $feature of pledge-office"
    lint --features "$feature"
done

step "the stores without the office"
stores=(--package pledge-storage-sql --package pledge-storage-sqlite --package pledge-storage-mysql --no-default-features)
cargo clippy --locked "${stores[@]}" -- -D warnings
cargo test --locked --package pledge-storage-sqlite --no-default-features --test without_office
