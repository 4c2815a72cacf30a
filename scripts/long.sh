#!/usr/bin/env bash
# Checks that take too long for every run, by name:
#
#   scripts/long.sh simulation   100,000 seeds of the simulation, or as many as follow
#   scripts/long.sh planted      every planted bug, until the simulation catches it
#   scripts/long.sh kills        1,000 kills of the binary over each durable store, or as many as follow
#   scripts/long.sh unreliable   requests and time of a follower over nodes that fail
#   scripts/long.sh bounds       time and memory of a page, of a large settlement, of short windows
#   scripts/long.sh requests     requests a second of the server over 10,000,000 changes, next to a bare handler
#   scripts/long.sh attack       the follower's lag while readers flood the server
#   scripts/long.sh signin       whether the time of a sign-in shows that a name is one
#   scripts/long.sh readers      memory of an idle live reader, readers that never read, connections closed by half
#   scripts/long.sh live         200 seeds of live readers, of hubs in one process and of real servers over a real Redis, or as many as follow
#   scripts/long.sh vanished     a live reader whose machine is gone, over a network of its own; needs root
#   scripts/long.sh autobahn     the Autobahn suite over the sockets, where Python 2.7 is
#   scripts/long.sh schemathesis 200 cases of every operation of the API, or as many as follow
#   scripts/long.sh first        from a clone with nothing compiled to the first settled statement
#
# Each prints its figures and ends with an error if its check fails.
set -euo pipefail
cd "$(dirname "$0")/.."

simulation() { cargo run --release -p pledge-testing --example pledge-sim -- "$@"; }

case ${1:-} in
    simulation) simulation --seeds "${2:-100000}" ;;
    planted) simulation --planted ;;
    kills) PLEDGE_KILLS=${2:-1000} scripts/services.sh exec cargo test --workspace --all-features --test anvil kills_over -- --nocapture ;;
    unreliable | bounds) cargo bench -p pledge-benches --bench "$1" ;;
    signin) cargo bench -p pledge-access --bench signin ;;
    requests | attack)
        source scripts/lib.sh
        need wrk wrk
        cargo build --release -p pledge-server
        ulimit -n "$(ulimit -Hn)"
        scripts/services.sh exec cargo bench -p pledge-benches --bench serving -- "$1"
        ;;
    readers)
        cargo build --release -p pledge-server
        ulimit -n "$(ulimit -Hn)"
        cargo bench -p pledge-benches --bench serving -- readers
        ;;
    live)
        export PLEDGE_LIVE_SEEDS=${2:-200}
        cargo test --release -p pledge-http --all-features --test live seeds -- --nocapture
        scripts/services.sh exec cargo test --workspace --all-features --test cli live_seeds -- --nocapture
        scripts/services.sh exec cargo test --workspace --all-features --test cli watching
        ;;
    vanished) cargo test --workspace --all-features --test cli vanished -- --ignored --nocapture ;;
    autobahn) scripts/autobahn.sh ;;
    schemathesis) scripts/schemathesis.sh "${2:-200}" ;;
    first) scripts/first-statement.sh ;;
    *)
        sed -n '3,18s/^#\( *\)//p' "$0" >&2
        exit 2
        ;;
esac
