#!/bin/sh
# Runs the notebook for the day of one lot. The lot is the notebook with all that it printed.
set -eu
export HOME=/tmp # where Jupyter keeps what it needs for a run
out=$TRUNKLINE_WRITE_MAIN
case $out in file://*) out=${out#file://} && mkdir -p "$out" ;; esac
exec papermill --no-progress-bar --kernel python3 -r day "${TRUNKLINE_LOT_START%%T*}" notebooks/report.ipynb "${out}report.ipynb"
