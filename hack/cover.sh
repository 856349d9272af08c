#!/bin/sh
# Prints the share of statements that a coverage profile has seen, by package: hack/cover.sh PROFILE
set -eu
awk '
	NR == 1 { next } # the mode
	{
		key = $1
		statements[key] = $2
		if ($3 > 0) seen[key] = 1
	}
	END {
		for (key in statements) {
			file = key; sub(/:.*/, "", file)
			pkg = file; sub(/\/[^\/]*$/, "", pkg); sub(/^trunkline\.dev\/trunkline\/?/, "", pkg)
			all[pkg] += statements[key]; total += statements[key]
			if (key in seen) { hit[pkg] += statements[key]; covered += statements[key] }
		}
		for (pkg in all) printf "%5.1f %%  %s\n", 100 * hit[pkg] / all[pkg], pkg
		printf "%5.1f %%  all\n", 100 * covered / total
	}' "$1" | sort -k3
