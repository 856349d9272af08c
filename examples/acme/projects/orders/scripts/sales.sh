#!/bin/sh
# Makes the sales of one day of its export: which day, and where it is, is in the environment.
set -eu
out=${TRUNKLINE_WRITE_MAIN#file://}

mkdir -p "$out"
for object in $TRUNKLINE_READ_EXPORT; do
	cat "${object#file://}"
done | awk -f scripts/clean.awk > "$out/sales.csv"
echo "$TRUNKLINE_LOT: kept $(($(wc -l < "$out/sales.csv") - 1)) orders"
