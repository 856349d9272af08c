#!/bin/sh
# Puts Jsonnet's own command into .cache/jsonnet, once, at the version that go.mod names.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
version=$(go list -m -f '{{.Version}}' github.com/google/go-jsonnet)
program ".cache/jsonnet/jsonnet-$version" "github.com/google/go-jsonnet/cmd/jsonnet@$version"
