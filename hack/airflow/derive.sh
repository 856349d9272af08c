#!/bin/sh
# Asks Apache Airflow what it says of the DAG files of the corpus: hack/airflow/derive.sh [--check]
# Without --check it writes policy/airflow/testdata/corpus/answers.json anew; with it, it fails on a difference.
# Airflow is installed once, at the versions of requirements.txt, into .cache/airflow-venv.
set -eu
cd "$(dirname "$0")/../.."
venv=.cache/airflow-venv
python=${PYTHON:-python3}
stamp=$venv/.installed
if ! cmp -s hack/airflow/requirements.txt "$stamp"; then
	echo "installing Apache Airflow into $venv; this takes a minute, once" >&2
	rm -rf "$venv"
	"$python" -m venv "$venv"
	"$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r hack/airflow/requirements.txt
	cp hack/airflow/requirements.txt "$stamp"
fi
corpus=policy/airflow/testdata/corpus
PYTHONHASHSEED=0 exec "$venv/bin/python" hack/airflow/answers.py "$corpus" "$corpus/answers.json" "$@"
