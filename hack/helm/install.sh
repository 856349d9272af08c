#!/bin/sh
# Puts Helm's own program into .cache/helm, once, and with --charts also charts to compare with: hack/helm/install.sh [--charts]
# The program is of the version that go.mod names. The charts are those of Go modules, and what `helm create` makes; they
# are other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
version=$(go list -m -f '{{.Version}}' helm.sh/helm/v3)
program ".cache/helm/helm-$version" "helm.sh/helm/v3/cmd/helm@$version"
[ "${1:-}" = --charts ] || exit 0
into=.cache/helm/charts
stamp="$(cat hack/fetch.sh hack/helm/modules.txt hack/helm/install.sh | cksum) $version"
fetched $into "$stamp" && exit 0
echo "fetching charts into $into, once" >&2
begin $into
(cd "$new" && HOME=$PWD "../helm-$version" create created >/dev/null)
modules hack/helm/modules.txt
finish $into "$stamp"
