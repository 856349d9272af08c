#!/bin/sh
# Has dbt build the models for one lot, and test them. What it writes beside the lot goes to /tmp.
set -eu
export DBT_SEND_ANONYMOUS_USAGE_STATS=0
scheme=${TRUNKLINE_WRITE_MAIN%%://*}
[ "$scheme" != file ] || mkdir -p "${TRUNKLINE_WRITE_MAIN#file://}"
exec dbt build --profiles-dir . --target "$scheme" --target-path /tmp/dbt/target --log-path /tmp/dbt/logs --no-use-colors "$@"
