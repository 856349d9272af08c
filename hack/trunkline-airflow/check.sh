#!/bin/sh
# Checks and tests the package trunkline-airflow with Airflow itself: hack/trunkline-airflow/check.sh
# It is installed of its wheel, as images have it, into .cache/trunkline-airflow, where the tests of cmd/trunkline find it. Nothing outside of
# .cache is written.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/trunkline-airflow
hack/engines/install.sh airflow
bin=$PWD/.cache/engines/airflow/bin
export RUFF_CACHE_DIR="$PWD/$into/ruff" MYPY_CACHE_DIR="$PWD/$into/mypy" PYTHONDONTWRITEBYTECODE=1
package=$(git ls-files -z --cached --others --exclude-standard -- workloads/airflow | xargs -0 cat | cksum)
if [ "$package" != "$(cat "$into/.package" 2>/dev/null)" ]; then
	rm -rf "$into/wheel" "$into/site"
	hack/trunkline-airflow/wheel.sh "$into/wheel" >/dev/null
	"$bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-index --no-compile --target "$into/site" "$into"/wheel/*.whl
	echo "$package" >"$into/.package"
fi
"$bin/ruff" check --quiet workloads/airflow
"$bin/ruff" format --quiet --check workloads/airflow
# The tests are of Airflow's and Kubernetes' own types, most of which have none: the package alone is checked.
"$bin/mypy" --no-error-summary --config-file workloads/airflow/pyproject.toml workloads/airflow/trunkline_airflow
PYTHONPATH="$PWD/$into/site" "$bin/python" -m pytest --quiet -p no:cacheprovider --import-mode=append workloads/airflow/tests
