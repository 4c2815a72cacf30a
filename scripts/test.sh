#!/usr/bin/env bash
# Passes the tests on a fresh machine: checks format, lints and docs, runs every test, plays what the README shows.
#
# Needs the Rust toolchain, a C compiler, Node.js with npm, Python 3, curl, MariaDB, PostgreSQL, Redis and SQLite's shell. What is
# missing is installed from Debian's packages when that is possible, and named when it is not. Anvil and the ERC-20 contract come
# from npm, into node_modules.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

if ! command -v cargo >/dev/null; then
    echo "cargo is missing. Install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer with rustup." >&2
    exit 1
fi
# Nothing is built again later, and no test reads a backtrace: what serves both takes time to write.
export CARGO_INCREMENTAL=${CARGO_INCREMENTAL:-0} CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-0}

need cc build-essential
need npm npm
need curl curl
need sqlite3 sqlite3
need python3 python3-venv

step "anvil and the ERC-20 contract"
npm ci --no-audit --no-fund --loglevel=error

step "format"
cargo fmt --all --check

scripts/supply-chain.sh

scripts/operations.sh

step "lints"
cargo clippy --workspace --all-targets --all-features --locked -- -D warnings

scripts/features.sh

step "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --all-features --locked --quiet

step "tests"
# What tests write need not outlive them: memory, where there is enough of it, is several times faster than a disk.
memory=$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $4 }' || true)
if [ "${memory:-0}" -gt 4000000 ]; then export TMPDIR=/dev/shm; fi
scripts/services.sh exec cargo test --workspace --all-features --locked

scripts/schemathesis.sh

step "the README shows what the program prints"
scripts/record.sh --check

step "all passed"
