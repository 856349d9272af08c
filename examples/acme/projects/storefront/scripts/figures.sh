#!/bin/sh
# Computes the figures again and again, for as long as it runs.
set -eu
in=${TRUNKLINE_READ_REVENUE#file://}

trap 'exit 0' TERM INT
while :; do
	if [ -e "$in/_SUCCESS" ]; then
		awk -F, 'NR > 1 { total += $3; n++ } END { printf "%.2f EUR in %d rows\n", total, n }' "$in/revenue.csv" > /tmp/figures.txt.part
		mv /tmp/figures.txt.part /tmp/figures.txt
		cat /tmp/figures.txt
	fi
	sleep "$REFRESH_SECONDS" &
	wait $!
done
