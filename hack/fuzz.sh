#!/bin/sh
# Runs each native fuzz target whose name matches a pattern for some time: hack/fuzz.sh PATTERN TIME
set -eu
grep -rlE '^func Fuzz' --include='*_test.go' . | grep -v '^./test/devcluster/' | sort | while read -r file; do
	grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" | sed 's/^func //' | { grep -E "$1" || true; } | while read -r target; do
		echo "== $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$2" "$(dirname "$file")"
	done
done
