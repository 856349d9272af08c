#!/bin/sh
# Puts an engine of data platforms into a virtual environment, once: hack/engines/install.sh airflow | jupyter | dbt
# The environment is .cache/engines/NAME, of the versions that hack/engines/NAME.txt has with their digests.
set -eu
cd "$(dirname "$0")/../.."
name=$1
into=.cache/engines/$name
stamp=$(cat "hack/engines/$name.txt" hack/engines/install.sh | cksum)
[ "$(cat "$into/.installed" 2>/dev/null)" != "$stamp" ] || exit 0
echo "installing $(sed -n '1s/^# \([^,]*\),.*/\1/p' "hack/engines/$name.txt") into $into, once" >&2
rm -rf "$into"
mkdir -p .cache/engines
"${PYTHON:-python3}" -m venv "$into" # in its place, since an environment cannot be moved
PIP_ROOT_USER_ACTION=ignore "$into/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	-r "hack/engines/$name.txt"
echo "$stamp" >"$into/.installed"
