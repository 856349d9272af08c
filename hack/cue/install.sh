#!/bin/sh
# Puts CUE's own command into .cache/cue, once, at the version that go.mod names.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
version=$(go list -m -f '{{.Version}}' cuelang.org/go)
program ".cache/cue/cue-$version" "cuelang.org/go/cmd/cue@$version"
