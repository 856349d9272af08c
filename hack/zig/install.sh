#!/bin/sh
# Puts Zig into .cache/zig, once, which releases have what is written in C compiled with: hack/zig/install.sh
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/zig
stamp=$(cat hack/fetch.sh hack/zig/requirements.txt hack/zig/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "installing Zig into $into, once" >&2
begin $into
PIP_ROOT_USER_ACTION=ignore "${PYTHON:-python3}" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	--target "$new" -r hack/zig/requirements.txt
finish $into "$stamp"
