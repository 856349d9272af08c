#!/bin/sh
# Starts a driver of Spark in this pod, which has executors made as pods beside it: submit.sh APPLICATION [ARGUMENT…]
# What is the same for every pod is in spark.properties beside this file. What the log says of why a driver fails is left as the message of the
# container, word for word and nothing else of it.
set -eu
here=$(dirname "$0")
server=$KUBERNETES_SERVICE_HOST
case $server in *:*) server="[$server]" ;; esac # an address of IPv6

[ -z "${SUBMIT_CLASS:-}" ] || set -- --class "$SUBMIT_CLASS" "$@"
# Executors say which run and lot they are of, as this pod does.
[ -z "${SUBMIT_RUN:-}" ] || set -- --conf "spark.kubernetes.executor.label.trunkline.dev/run=$SUBMIT_RUN" "$@"
[ -z "${SUBMIT_LOT:-}" ] || set -- --conf "spark.kubernetes.executor.label.trunkline.dev/lot=$SUBMIT_LOT" "$@"
set -- "${SPARK_HOME:-/opt/spark}/bin/spark-submit" \
	--master "k8s://https://$server:$KUBERNETES_SERVICE_PORT" --deploy-mode client --properties-file "$here/spark.properties" \
	--conf "spark.app.id=$SUBMIT_POD" --conf "spark.kubernetes.driver.pod.name=$SUBMIT_POD" \
	--conf "spark.driver.host=$SUBMIT_IP" --conf "spark.driver.bindAddress=${SUBMIT_BIND:-0.0.0.0}" "$@"
[ -z "${SUBMIT_HISTORY:-}" ] || echo "the history of this run: $SUBMIT_HISTORY/history/$SUBMIT_POD/"

causes='java\.lang\.OutOfMemoryError|MemoryError|exited with exit code (52|137)|Max number of executor failures'
causes="$causes|was deleted by a user or the framework|Executor decommission|brief reason: (Evicted|Preempting|NodeShutdown|NodeLost|Terminated)"
causes="$causes|sources in the checkpoint offsets|STATE_STORE_[A-Z_]*(NOT_COMPATIBLE|INCOMPATIBLE|MISMATCH)|STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA"
causes="$causes|Provided schema doesn't match to the schema for existing state|UnsupportedLogVersion|MALFORMED_LOG_FILE|CONCURRENT_STREAM_LOG_UPDATE"
work=$(mktemp -d)
mkfifo "$work/log" "$work/copy"
batches=/dev/null
if [ -n "${SUBMIT_WORKING:-}" ]; then
	# A stream works once a batch was done, or there was none to do. Where the log leaves that out, it counts as working after some time.
	rm -f "$SUBMIT_WORKING"
	batches=$work/batches
	mkfifo "$batches"
	{
		! grep -Eqm1 'Streaming query (made progress|has been idle)' || : >"$SUBMIT_WORKING"
		cat # nothing may hold up the log
	} <"$batches" >/dev/null 2>&1 &
	{ sleep "$SUBMIT_SETTLE" && : >"$SUBMIT_WORKING"; } >/dev/null 2>&1 &
fi
tee "$work/copy" "$batches" <"$work/log" &
grep --line-buffered -Eo "$causes" <"$work/copy" >"$work/found" &
reader=$!
"$@" >"$work/log" 2>&1 & # what Python says is on the standard output
driver=$!
trap 'kill -TERM "$driver" 2>/dev/null || true' TERM INT
code=0
wait "$driver" || code=$?
while kill -0 "$driver" 2>/dev/null; do # the wait was ended by a signal
	code=0
	wait "$driver" || code=$?
done
[ "$code" -ne 0 ] || exit 0
# Something that the driver left behind may keep the log open: that is not waited for.
for _ in 1 2 3 4 5; do
	kill -0 "$reader" 2>/dev/null || break
	sleep 1
done
{
	echo "trunkline-spark exit $code"
	sort -u "$work/found"
} 2>/dev/null | head -c 2000 2>/dev/null >/dev/termination-log || true
exit "$code"
