#!/bin/sh
# Brings data from outside into the dataset "raw".
set -eu
echo "ingest: write to $TRUNKLINE_WRITE_MAIN"
