#!/bin/sh
# Reports on the dataset "clean".
set -eu
echo "report: read $TRUNKLINE_READ_CLEAN"
