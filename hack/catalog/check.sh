#!/bin/sh
# Checks and tests the program of the blueprint catalog: hack/catalog/check.sh
# It is installed as images have it, into .cache/catalog, with the servers that it is tested with, where the tests of cmd/trunkline find them.
# Nothing outside of .cache is written but what Maven keeps for itself.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/catalog
python=${PYTHON:-python3}
if ! cmp -s hack/catalog/requirements.txt "$into/.installed"; then
	echo "installing the clients of catalogs into $into, once" >&2
	rm -rf "$into"
	"$python" -m venv "$into"
	"$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r hack/catalog/requirements.txt
	cp hack/catalog/requirements.txt "$into/.installed"
fi
if ! cat hack/catalog/pom.xml hack/catalog/Serve.java | cmp -s - "$into/.served"; then
	echo "installing a REST catalog of Apache Iceberg into $into/java, once; needs Java 17 and Maven" >&2
	rm -rf "$into/java"
	mkdir -p "$into/java"
	mvn --quiet --batch-mode --file hack/catalog/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DoutputDirectory="$PWD/$into/java/lib" </dev/null
	javac -d "$into/java" -cp "$into/java/lib/*" hack/catalog/Serve.java
	cat hack/catalog/pom.xml hack/catalog/Serve.java >"$into/.served"
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
"$into/bin/mypy" --no-error-summary --python-executable "$into/bin/python" --config-file workloads/catalog/pyproject.toml \
	workloads/catalog/trunkline_catalog workloads/catalog/tests
CATALOG_JAVA="$PWD/$into/java" "$into/bin/python" -I -m unittest discover --quiet --start-directory workloads/catalog/tests
