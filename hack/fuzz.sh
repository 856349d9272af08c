#!/bin/sh
# Runs each native fuzz target whose name matches a pattern: hack/fuzz.sh PATTERN TIME [SECONDS]. Each runs for TIME, or,
# if SECONDS are given, for an equal share of them. One that fails does not keep the others from running.
set -eu
targets=$(mktemp)
trap 'rm -f "$targets"' EXIT
git grep -E '^func Fuzz' -- '*_test.go' ':!test/devcluster' |
	sed -E 's/^(.*)\/[^/]*:func (Fuzz[A-Za-z0-9_]*).*/\1 \2/' |
	{ grep -E " .*($1)" || true; } | sort >"$targets"
count=$(wc -l <"$targets")
[ "$count" -gt 0 ] || { echo "fuzz: no target matches $1" >&2; exit 1; }
time=$2
[ -z "${3:-}" ] || time=$(($3 / count))s
failed=
while read -r dir target; do
	echo "== $target in $dir for $time"
	go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "./$dir" </dev/null || failed="$failed $dir.$target"
done <"$targets"
[ -z "$failed" ] || { echo "fuzz: failed:$failed" >&2; exit 1; }
