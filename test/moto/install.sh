#!/bin/sh
# Puts a server of moto, which is AWS in memory, into a virtual environment in .cache/moto, once: test/moto/install.sh
set -eu
cd "$(dirname "$0")/../.."
into=.cache/moto
stamp=$(cat test/moto/requirements.txt test/moto/install.sh | cksum)
[ "$(cat $into/.installed 2>/dev/null)" != "$stamp" ] || exit 0
echo "installing moto into $into, once" >&2
rm -rf $into
mkdir -p .cache
"${PYTHON:-python3}" -m venv $into # in its place, since an environment cannot be moved
PIP_ROOT_USER_ACTION=ignore $into/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	-r test/moto/requirements.txt
echo "$stamp" >$into/.installed
