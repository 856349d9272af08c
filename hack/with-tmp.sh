#!/bin/sh
# Runs a command with a temporary folder of its own, and removes the folder however the command ends: go test
# leaves its folders behind when it is interrupted.
set -u
tmp=$(mktemp -d "${TMPDIR:-/tmp}/trunkline.XXXXXX") || exit 1
clean() {
	# What the command started ends a moment after it, and may write until then.
	for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		rm -rf "$tmp" 2>/dev/null && return
		sleep 1
	done
	echo "with-tmp: cannot remove $tmp" >&2
}
trap clean EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
TMPDIR=$tmp "$@"
