#!/bin/sh
# Puts into .cache/deploy what tests of deploy and render compare with: the definitions of the kinds of Prometheus' operator and of the External
# Secrets Operator, of pinned versions. They are other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/deploy
stamp=$(cat hack/fetch.sh hack/deploy/modules.txt hack/deploy/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "fetching the kinds of Prometheus' and the External Secrets operator into $into, once" >&2
begin $into
modules hack/deploy/modules.txt
finish $into "$stamp"
