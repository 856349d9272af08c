#!/bin/sh
# Joins the sales of one day with its rates, and sums them up by country.
set -eu
sales=${TRUNKLINE_READ_SALES#file://}
fx=${TRUNKLINE_READ_FX#file://}
out=${TRUNKLINE_WRITE_MAIN#file://}

mkdir -p "$out"
{
	echo "country,orders,revenue_eur"
	awk -f scripts/takings.awk "$fx/fx.csv" "$sales/sales.csv" | sort
} > "$out/takings.csv"
echo "$TRUNKLINE_LOT: wrote $(($(wc -l < "$out/takings.csv") - 1)) rows"
