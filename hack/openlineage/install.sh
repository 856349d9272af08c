#!/bin/sh
# Puts the classes of OpenLineage's own client, which tests have read our events, into .cache/openlineage, once:
# hack/openlineage/install.sh
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
wheels openlineage "the classes of OpenLineage's client"
