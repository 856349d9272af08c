#!/bin/sh
# Puts the licence line at the head of every tracked Go file that lacks it. A blank line follows, so that it is no part of
# the package comment. What tests read as it is, below testdata, is left alone.
set -eu
line='// SPDX-License-Identifier: Apache-2.0'
git ls-files -- '*.go' | grep -v -e '/testdata/' -e '^testdata/' | while IFS= read -r file; do
	[ -f "$file" ] || continue
	[ "$(head -n 1 "$file")" = "$line" ] && continue
	new=$(mktemp)
	{ printf '%s\n\n' "$line" && cat "$file"; } >"$new"
	cat "$new" >"$file" # keeps the mode of the file
	rm "$new"
done
