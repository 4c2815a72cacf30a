#!/usr/bin/env bash
# The Autobahn suite over a socket with the bounds of `/ws` that repeats what it gets: sections 1 to 7 and 10, without
# what may be compressed (12, 13) or is a measurement (9, whose messages are larger than a reader's may be).
#
# The suite runs on Python 2.7 alone. Where that is not, nothing is checked, and the last line reports it.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/lib.sh

VERSION=25.10.1
python=${PYTHON27:-$(command -v python2.7 || true)}
if [ -z "$python" ] || ! "$python" -m pip --version >/dev/null 2>&1; then
    echo "NOT RUN: the Autobahn suite needs Python 2.7 with pip (PYTHON27 names one that is not in PATH)" >&2
    exit 0
fi
tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/autobahn-$VERSION
if [ ! -x "$tools/bin/wstest" ]; then
    step "autobahntestsuite $VERSION"
    # The last one that makes an environment of Python 2.7.
    "$python" -m pip install --quiet --disable-pip-version-check --target "$tools/maker" "virtualenv==20.15.1"
    PYTHONPATH=$tools/maker "$python" -m virtualenv --quiet "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "autobahntestsuite==$VERSION"
fi

step "the socket"
cargo build --quiet -p pledge-http --all-features --example echo
work=$(mktemp -d)
"${CARGO_TARGET_DIR:-target}/debug/examples/echo" >"$work/url" &
echo=$!
trap 'kill "$echo" 2>/dev/null || true; rm -rf "$work"' EXIT
for _ in $(seq 100); do
    [ -s "$work/url" ] && break
    sleep 0.1
done
cat >"$work/spec.json" <<JSON
{"outdir": "$work/reports", "servers": [{"agent": "pledge", "url": "$(cat "$work/url")"}],
 "cases": ["1.*", "2.*", "3.*", "4.*", "5.*", "6.*", "7.*", "10.*"], "exclude-cases": [], "exclude-agent-cases": {}}
JSON

step "the suite"
"$tools/bin/wstest" --mode fuzzingclient --spec "$work/spec.json" >"$work/log"
python3 - "$work/reports/index.json" <<'PYTHON'
import collections, json, sys
cases = json.load(open(sys.argv[1]))["pledge"]
count = collections.Counter(case["behavior"] for case in cases.values())
print(f"{len(cases)} cases: " + ", ".join(f"{number} {behavior}" for behavior, number in sorted(count.items())))
wrong = {name: case for name, case in cases.items() if case["behavior"] not in ("OK", "NON-STRICT", "INFORMATIONAL")}
for name, case in sorted(wrong.items()):
    print(name, case["behavior"], case["behaviorClose"])
sys.exit(bool(wrong))
PYTHON
