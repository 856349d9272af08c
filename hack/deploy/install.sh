#!/bin/sh
# Puts into .cache/deploy what tests of deploy compare with: the definitions of the kinds of Prometheus' operator, of a pinned version. They are
# other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/deploy
stamp=$(cat hack/fetch.sh hack/deploy/modules.txt hack/deploy/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "fetching the kinds of Prometheus' operator into $into, once" >&2
begin $into
modules hack/deploy/modules.txt
finish $into "$stamp"
