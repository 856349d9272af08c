#!/bin/sh
# Prints the best days so far.
set -eu
in=${TRUNKLINE_READ_DAILY#file://}

echo "best days:"
tail -n +2 "$in/revenue.csv" | sort -t, -k3,3nr | head -5
