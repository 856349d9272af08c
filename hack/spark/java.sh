#!/bin/sh
# Java without the module jdk.incubator.vector, which Spark has it add.
for argument; do
	shift
	[ "$argument" = --add-modules=jdk.incubator.vector ] || set -- "$@" "$argument"
done
exec "$(dirname "$0")/java.real" "$@"
