#!/bin/sh
# Puts Kustomize's own program into .cache/kustomize, once, and with --overlays also kustomizations to compare with:
# hack/kustomize/install.sh [--overlays]
# The program is of the release whose engine is the one that go.mod names. The kustomizations are those of Go modules; they are
# other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
# renovate: module=sigs.k8s.io/kustomize/kustomize/v5
version=v5.8.2
engine=$(go list -m -f '{{.Version}}' sigs.k8s.io/kustomize/api)
mod=$(go mod download -json "sigs.k8s.io/kustomize/kustomize/v5@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
if ! grep -q "sigs.k8s.io/kustomize/api $engine\$" "$mod"; then
	echo "hack/kustomize/install.sh: Kustomize $version is not built of sigs.k8s.io/kustomize/api $engine, which go.mod names: change version" >&2
	exit 1
fi
program ".cache/kustomize/kustomize-$version" "sigs.k8s.io/kustomize/kustomize/v5@$version"
[ "${1:-}" = --overlays ] || exit 0
into=.cache/kustomize/overlays
stamp=$(cat hack/fetch.sh hack/kustomize/modules.txt hack/kustomize/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "fetching kustomizations into $into, once" >&2
begin $into
modules hack/kustomize/modules.txt
finish $into "$stamp"
