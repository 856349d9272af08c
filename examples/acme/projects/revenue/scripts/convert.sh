#!/bin/sh
# Joins orders with the rate of their day, and sums them up a day and country.
set -eu
orders=${TRUNKLINE_READ_ORDERS#file://}
fx=${TRUNKLINE_READ_FX#file://}
out=${TRUNKLINE_WRITE_MAIN#file://}

for input in "$orders" "$fx"; do
	until [ -e "$input/_SUCCESS" ]; do
		echo "waiting for $input"
		sleep 1
	done
done
mkdir -p "$out"
{
	echo "day,country,revenue_eur"
	awk -f scripts/convert.awk "$fx/fx.csv" "$orders/orders.csv" | sort
} > "$out/revenue.csv.part"
mv "$out/revenue.csv.part" "$out/revenue.csv"
: > "$out/_SUCCESS"
echo "wrote $(($(wc -l < "$out/revenue.csv") - 1)) rows to $TRUNKLINE_WRITE_MAIN"
