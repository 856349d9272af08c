#!/bin/sh
# Makes the dataset "clean" of the dataset "raw".
set -eu
echo "clean: read $TRUNKLINE_READ_RAW, write to $TRUNKLINE_WRITE_MAIN"
