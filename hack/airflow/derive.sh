#!/bin/sh
# Asks Apache Airflow what it says of DAG files: hack/airflow/derive.sh [--check | --examples]
# Without an argument it writes the answers for the corpus, policy/airflow/testdata/corpus/answers-VERSION.json, and what the
# versions have, policy/airflow/versions.txt; with --check, it fails on a difference. With --examples it compares what Trunkline
# and Airflow say of the example DAGs that come with Airflow instead, and prints the table of docs/compatibility.md.
# Each Airflow is installed once, at the versions of requirements-VERSION.txt, into .cache/airflow-VERSION.
set -eu
cd "$(dirname "$0")/../.."
versions="2.11 3.1 3.3"
python=${PYTHON:-python3}
work=.cache/airflow-work
mkdir -p "$work"
corpus=policy/airflow/testdata/corpus
export PYTHONHASHSEED=0 PYTHONWARNINGS=ignore AIRFLOW_HOME="$PWD/$work/home"

for v in $versions; do
	venv=.cache/airflow-$v
	if ! cmp -s "hack/airflow/requirements-$v.txt" "$venv/.installed"; then
		echo "installing Apache Airflow $v into $venv; this takes a minute, once" >&2
		rm -rf "$venv"
		"$python" -m venv "$venv"
		"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "hack/airflow/requirements-$v.txt"
		cp "hack/airflow/requirements-$v.txt" "$venv/.installed"
	fi
	"$venv/bin/python" hack/airflow/names.py >"$work/names-$v.json" 2>/dev/null
done

failed=0
tables=
if [ "${1:-}" != --examples ]; then
	for v in $versions; do
		".cache/airflow-$v/bin/python" hack/airflow/names.py --among "$work"/names-*.json >"$work/has-$v.json" 2>/dev/null
		tables="$tables $v=$work/has-$v.json"
		".cache/airflow-$v/bin/python" hack/airflow/answers.py "$corpus" "$corpus/answers-$v.json" "$@" || failed=1
	done
	# shellcheck disable=SC2086 # the words are arguments
	"$python" hack/airflow/names.py --table $tables >"$work/versions.txt"
	if [ "${1:-}" != --check ]; then
		cp "$work/versions.txt" policy/airflow/versions.txt
	elif ! cmp -s "$work/versions.txt" policy/airflow/versions.txt; then
		echo "policy/airflow/versions.txt is not what Airflow has; write it with hack/airflow/derive.sh" >&2
		failed=1
	fi
	exit $failed
fi

go build -o "$work/verdicts" ./hack/airflow/verdicts
echo "| Airflow | example DAGs | fine | undecided | denied | refused by Airflow | not asked | wrong |"
echo "| --- | --- | --- | --- | --- | --- | --- | --- |"
for v in $versions; do
	site=$(echo "$PWD/.cache/airflow-$v"/lib/python*/site-packages)
	find "$site/airflow" -path '*example_dags*' -name '*.py' ! -name __init__.py | sort | sed "s|\$|	$site|" >"$work/examples-$v.list"
	".cache/airflow-$v/bin/python" hack/airflow/answers.py --files "$work/examples-$v.list" "$work/examples-$v.json"
	"$work/verdicts" "$v" "$work/examples-$v.list" "$work/examples-$v.json" || failed=1
done
exit $failed
