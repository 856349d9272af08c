#!/bin/sh
# Prints the functions that no program of this module reaches, and fails if there are any: hack/deadcode.sh DEADCODE TAGS
#
# What serves tests alone is in packages whose names end in "test", below test/, or in files that are named _test.go. What
# is reached by nothing for a reason of its own is a row here; a row that excuses nothing fails too.
set -eu
excused='
^examples/broken/	the tests of the examples judge with it
^access/page.go:.*Page$	the page of roles is made by a test
^api/v1alpha1/access.go:.*AccessRoles$	the page of roles lists them
'
listed=$("$1" -tags "$2" ./...)
found=$(printf '%s\n' "$listed" | grep -vE '^test/|^([^:]*/)?[a-z]+test/' || true)
while IFS='	' read -r path _; do
	[ -n "$path" ] || continue
	if ! printf '%s\n' "$found" | grep -qE "$path"; then
		echo "deadcode: nothing is unreachable in $path any more: remove its row from hack/deadcode.sh" >&2
		exit 1
	fi
	found=$(printf '%s\n' "$found" | grep -vE "$path" || true)
done <<ROWS
$excused
ROWS
[ -z "$found" ] || {
	printf '%s\ndeadcode: remove them, or move them to where tests are\n' "$found" >&2
	exit 1
}
