#!/bin/sh
# Puts the classes of OpenLineage's own client, which tests have read our events, into .cache/openlineage, once:
# hack/openlineage/install.sh
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/openlineage
stamp=$(cat hack/fetch.sh hack/openlineage/requirements.txt hack/openlineage/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "installing the classes of OpenLineage's client into $into, once" >&2
begin $into
PIP_ROOT_USER_ACTION=ignore "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	--target "$new" -r hack/openlineage/requirements.txt
finish $into "$stamp"
