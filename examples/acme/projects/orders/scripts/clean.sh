#!/bin/sh
# Makes orders-clean of orders-raw, once that is there.
set -eu
in=${TRUNKLINE_READ_RAW#file://}
out=${TRUNKLINE_WRITE_MAIN#file://}

until [ -e "$in/_SUCCESS" ]; do
	echo "waiting for $TRUNKLINE_READ_RAW"
	sleep 1
done
mkdir -p "$out"
awk -f scripts/clean.awk "$in/orders.csv" > "$out/orders.csv.part"
mv "$out/orders.csv.part" "$out/orders.csv"
: > "$out/_SUCCESS"
echo "kept $(($(wc -l < "$out/orders.csv") - 1)) of $(($(wc -l < "$in/orders.csv") - 1)) rows"
