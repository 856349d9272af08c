#!/bin/sh
# Builds the wheel of the package trunkline-airflow into a folder: hack/trunkline-airflow/wheel.sh [FOLDER], by default dist
# The same files are the same wheel, byte for byte. It is built with hatchling of .cache/engines/airflow, and nothing is fetched.
set -eu
cd "$(dirname "$0")/../.."
into=${1:-dist}
hack/engines/install.sh airflow
mkdir -p "$into"
into=$(cd "$into" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# From a copy of what is committed or would be: what tests leave behind is in no wheel. So is no mode of a file that a umask gives.
git ls-files -z --cached --others --exclude-standard -- workloads/airflow | xargs -0 tar -cf - | tar -xf - -C "$work"
chmod -R u=rwX,go=rX "$work"
python=$PWD/.cache/engines/airflow/bin/python
cp LICENSE "$work/workloads/airflow/"
(cd "$work/workloads/airflow" && SOURCE_DATE_EPOCH=315532800 PYTHONDONTWRITEBYTECODE=1 "$python" -m hatchling build -t wheel -d "$into" >/dev/null)
