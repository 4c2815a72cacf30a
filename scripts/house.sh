#!/usr/bin/env bash
# How the code reads, in figures: `scripts/house.sh`, with places: `scripts/house.sh --where`.
set -euo pipefail
exec python3 "$(dirname "$0")/house.py" "$@"
