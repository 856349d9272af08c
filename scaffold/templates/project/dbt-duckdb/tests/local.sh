#!/bin/sh
# Builds and tests the models on this machine, for the lot in tests/raw; the result is in a new folder below /tmp.
set -eu
cd "$(dirname "$0")/.."
TRUNKLINE_READ_RAW="file://$PWD/tests/raw/"
TRUNKLINE_WRITE_MAIN="file://$(mktemp -d)/"
export TRUNKLINE_READ_RAW TRUNKLINE_WRITE_MAIN
sh run.sh
echo "made ${TRUNKLINE_WRITE_MAIN}totals.parquet"
