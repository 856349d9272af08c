#!/bin/sh
# Runs the notebook on this machine, for the day that is given; the result is in a new folder below /tmp.
set -eu
cd "$(dirname "$0")/.."
TRUNKLINE_LOT_START="${1:-2026-01-01}T00:00:00Z"
TRUNKLINE_WRITE_MAIN="file://$(mktemp -d)/"
export TRUNKLINE_LOT_START TRUNKLINE_WRITE_MAIN
sh run.sh
echo "made ${TRUNKLINE_WRITE_MAIN}report.ipynb"
