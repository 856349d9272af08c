#!/bin/sh
# Checks and tests the program of the blueprint transform: hack/transform/check.sh
# It is installed as images have it, into .cache/transform, where the tests of cmd/trunkline find it. Nothing outside of .cache is written.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/transform
python=${PYTHON:-python3}
if ! cmp -s hack/transform/requirements.txt "$into/.installed"; then
	echo "installing DuckDB into $into, once" >&2
	rm -rf "$into"
	"$python" -m venv "$into"
	"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r hack/transform/requirements.txt
	cp hack/transform/requirements.txt "$into/.installed"
fi
# The package is built from a copy, since building leaves files.
program=$(find workloads/transform -name '*.py' -o -name pyproject.toml | LC_ALL=C sort | xargs cat | cksum)
if [ "$program" != "$(cat "$into/.program" 2>/dev/null)" ]; then
	rm -rf "$into/source"
	cp -R workloads/transform "$into/source"
	"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --force-reinstall "$into/source"
	echo "$program" >"$into/.program"
fi
export RUFF_CACHE_DIR="$PWD/$into/ruff" MYPY_CACHE_DIR="$PWD/$into/mypy" PYTHONDONTWRITEBYTECODE=1
"$into/bin/ruff" check --quiet workloads/transform
"$into/bin/ruff" format --quiet --check workloads/transform
"$into/bin/mypy" --no-error-summary --python-executable "$into/bin/python" --config-file workloads/transform/pyproject.toml workloads/transform/trunkline_transform workloads/transform/tests
"$into/bin/python" -I -m unittest discover --quiet --start-directory workloads/transform/tests
