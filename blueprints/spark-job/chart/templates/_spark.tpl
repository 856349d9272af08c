{{/* What is set for every driver, whoever starts it, as JSON: the workload's own conf last. */}}
{{- define "spark.conf" -}}
{{- $t := .Values.global.trunkline -}}
{{- $w := $t.workload -}}
{{- $s := required "the blueprint is for workloads that the catalog has resolved" $w.spark -}}
{{- $conf := dict
  "spark.app.name" $w.name
  "spark.sql.warehouse.dir" "/tmp/spark-warehouse"
  "spark.hadoop.fs.s3.impl" "org.apache.hadoop.fs.s3a.S3AFileSystem"
  "spark.hadoop.fs.AbstractFileSystem.s3.impl" "org.apache.hadoop.fs.s3a.S3A"
  "spark.kubernetes.driver.ownPersistentVolumeClaim" "false"
  "spark.kubernetes.driver.reusePersistentVolumeClaim" "false"
  "spark.kubernetes.driver.service.deleteOnTermination" "false"
  "spark.kubernetes.executor.disableConfigMap" "true"
-}}
{{- if $s.dynamic -}}
{{- $_ := merge $conf (dict
  "spark.dynamicAllocation.enabled" "true"
  "spark.dynamicAllocation.shuffleTracking.enabled" "true"
  "spark.dynamicAllocation.minExecutors" (toString $s.min)
  "spark.dynamicAllocation.maxExecutors" (toString $s.max)
) -}}
{{- end -}}
{{- if eq $w.lifecycle "spot" -}}
{{- $_ := merge $conf (dict
  "spark.decommission.enabled" "true"
  "spark.storage.decommission.enabled" "true"
  "spark.storage.decommission.rddBlocks.enabled" "true"
  "spark.storage.decommission.shuffleBlocks.enabled" "true"
) -}}
{{- end -}}
{{- if eq .Values.committer "file" -}}
{{- $_ := set $conf "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version" "1" -}}
{{- else -}}
{{- $_ := merge $conf (dict
  "spark.sql.sources.commitProtocolClass" "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol"
  "spark.sql.parquet.output.committer.class" "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter"
) -}}
{{- end -}}
{{- if eq .Values.committer "magic" -}}
{{- $_ := merge $conf (dict
  "spark.hadoop.fs.s3a.committer.name" "magic"
  "spark.hadoop.fs.s3a.committer.magic.enabled" "true"
  "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3" "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
  "spark.hadoop.mapreduce.outputcommitter.factory.scheme.s3a" "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory"
) -}}
{{- if $s.stream -}}
{{- $_ := set $conf "spark.sql.streaming.checkpointFileManagerClass" "org.apache.spark.internal.io.cloud.AbortableStreamBasedCheckpointFileManager" -}}
{{- end -}}
{{- else if eq .Values.committer "manifest" -}}
{{- $_ := merge $conf (dict
  "spark.hadoop.mapreduce.outputcommitter.factory.scheme.abfs" "org.apache.hadoop.fs.azurebfs.commit.AzureManifestCommitterFactory"
  "spark.hadoop.mapreduce.outputcommitter.factory.scheme.abfss" "org.apache.hadoop.fs.azurebfs.commit.AzureManifestCommitterFactory"
  "spark.hadoop.mapreduce.outputcommitter.factory.scheme.gs" "org.apache.hadoop.mapreduce.lib.output.committer.manifest.ManifestCommitterFactory"
) -}}
{{- end -}}
{{- with $s.eventLogs -}}
{{- $_ := merge $conf (dict "spark.eventLog.enabled" "true" "spark.eventLog.dir" . "spark.eventLog.rolling.enabled" "true") -}}
{{- end -}}
{{- with $s.checkpoint -}}
{{- $_ := set $conf "spark.sql.streaming.checkpointLocation" . -}}
{{- end -}}
{{- with .Values.jars -}}
{{- $_ := set $conf "spark.jars" (join "," .) -}}
{{- end -}}
{{- with .Values.pyFiles -}}
{{- $_ := set $conf "spark.submit.pyFiles" (join "," .) -}}
{{- end -}}
{{- range $key, $value := .Values.conf -}}
{{- $_ := set $conf $key (toString $value) -}}
{{- end -}}
{{- toJson $conf -}}
{{- end }}

{{/* What a driver is told that starts in a pod of its own, as a file of properties. */}}
{{- define "spark.properties" -}}
{{- $t := .Values.global.trunkline -}}
{{- $w := $t.workload -}}
{{- $s := $w.spark -}}
{{- $conf := include "spark.conf" . | fromJson -}}
{{- $_ := merge $conf (dict
  "spark.driver.memory" (printf "%dm" (int64 $s.driver.heapMiB))
  "spark.executor.instances" (toString $s.min)
  "spark.executor.cores" (toString $s.executor.cores)
  "spark.executor.memory" (printf "%dm" (int64 $s.executor.heapMiB))
  "spark.executor.memoryOverhead" (printf "%dm" (int64 $s.executor.overheadMiB))
  "spark.kubernetes.namespace" $t.namespace
  "spark.kubernetes.container.image" $w.image
  "spark.kubernetes.executor.request.cores" $s.executor.cpu
  "spark.kubernetes.executor.limit.cores" $s.executor.cpu
  "spark.kubernetes.executor.podTemplateFile" "/etc/trunkline-spark/executor.yaml"
  "spark.kubernetes.executor.podTemplateContainerName" $w.name
) -}}
{{- if $s.dynamic }}{{ $_ := unset $conf "spark.executor.instances" }}{{ end -}}
{{- range $key, $value := $conf }}
{{ $key }}={{ $value | replace "\\" "\\\\" | replace "\n" "\\n" }}
{{- end }}
{{ end }}

{{/*
The spec of the pods of executors: on spot machines if the workload is, with its variables and files, without a token and
without secrets that pods read by themselves, which are the driver's. Spark fills in what they take.
*/}}
{{- define "spark.executor" -}}
{{- $root := dict "Values" (deepCopy .root.Values) -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $_ := unset $w "entrypoint" -}}
{{- $size := dict "cpu" $w.spark.executor.cpu "memory" $w.spark.executor.memory -}}
{{- $_ := set $w "resources" (dict "requests" $size "limits" $size) -}}
{{- $_ := set $w "command" ($root.Values.executors.command | default list) -}}
{{- if and $w.files (eq $w.spark.type "Python") -}}
{{- $path := "/workspace" -}}
{{- $env := list -}}
{{- range $w.env -}}
{{- if and (eq .name "PYTHONPATH") (hasKey . "value") }}{{ $path = printf "/workspace:%s" .value }}{{ else }}{{ $env = append $env . }}{{ end -}}
{{- end -}}
{{- $_ := set $w "env" (append $env (dict "name" "PYTHONPATH" "value" $path)) -}}
{{- end -}}
{{- include "trunkline.podSpec" (dict "root" $root "restartPolicy" "Never" "workingDir" "/tmp") -}}
{{- end }}

{{/*
The spec of the pod of a driver: never on spot machines, and with a token by which it makes executors.
*/}}
{{- define "spark.driver" -}}
{{- $root := dict "Values" (deepCopy .root.Values) -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $_ := set $w "lifecycle" "on-demand" -}}
{{- $_ := unset $w "nodes" -}}
{{- $_ := set $w "command" (concat (list "/bin/sh" "/etc/trunkline-spark/submit.sh") $w.command) -}}
{{- $label := "metadata.labels['%s']" -}}
{{- $env := list
  (dict "name" "SUBMIT_POD" "valueFrom" (dict "fieldRef" (dict "fieldPath" "metadata.name")))
  (dict "name" "SUBMIT_IP" "valueFrom" (dict "fieldRef" (dict "fieldPath" "status.podIP")))
  (dict "name" "SUBMIT_RUN" "valueFrom" (dict "fieldRef" (dict "fieldPath" (printf $label "batch.kubernetes.io/job-name"))))
  (dict "name" "SUBMIT_LOT" "valueFrom" (dict "fieldRef" (dict "fieldPath" (printf $label "trunkline.dev/lot"))))
-}}
{{- with $root.Values.class }}{{ $env = append $env (dict "name" "SUBMIT_CLASS" "value" .) }}{{ end -}}
{{- with $root.Values.history }}{{ $env = append $env (dict "name" "SUBMIT_HISTORY" "value" (trimSuffix "/" .)) }}{{ end -}}
{{- with $w.spark.checkpoint }}{{ $env = append $env (dict "name" "TRUNKLINE_CHECKPOINT" "value" .) }}{{ end -}}
{{- $more := dict -}}
{{- if $w.spark.stream -}}
{{- $working := "/tmp/trunkline-stream-works" -}}
{{- $env = concat $env (list (dict "name" "SUBMIT_WORKING" "value" $working) (dict "name" "SUBMIT_SETTLE" "value" (toString $root.Values.settleSeconds))) -}}
{{- $_ := set $more "readinessProbe" (dict "exec" (dict "command" (list "/bin/sh" "-c" (printf "test -e %s" $working))) "periodSeconds" 2) -}}
{{- end -}}
{{- $_ := set $w "env" (concat $w.env $env) -}}
{{- $mounts := list (dict "name" "spark" "mountPath" "/etc/trunkline-spark" "readOnly" true) -}}
{{- $volumes := list (dict "name" "spark" "configMap" (dict "name" (include "spark.configName" .root))) -}}
{{- include "trunkline.podSpec" (dict "root" $root "restartPolicy" .restartPolicy "container" $more "mounts" $mounts "volumes" $volumes "token" true "grace" .grace) -}}
{{- end }}

{{/* What the driver finds beside its files. */}}
{{- define "spark.data" -}}
spark.properties: {{ include "spark.properties" . | trimPrefix "\n" | toJson }}
submit.sh: {{ .Files.Get "files/submit.sh" | toJson }}
executor.yaml: {{ dict "apiVersion" "v1" "kind" "Pod"
  "metadata" (dict "labels" (include "trunkline.labels" . | fromYaml))
  "spec" (include "spark.executor" (dict "root" .) | fromYaml) | toYaml | toJson }}
{{- end }}

{{- define "spark.configName" -}}
{{- $name := .Values.global.trunkline.workload.name -}}
{{ $name }}-spark-{{ include "spark.data" . | sha256sum | trunc 8 }}
{{- end }}

{{/* What is said of a driver on its pod, and by it on why it failed. */}}
{{- define "spark.annotations" -}}
{{- $s := .Values.global.trunkline.workload.spark -}}
spark.trunkline.dev/driver-heap: {{ printf "%dMi" (int64 $s.driver.heapMiB) }}
spark.trunkline.dev/executor-heap: {{ printf "%dMi" (int64 $s.executor.heapMiB) }}
spark.trunkline.dev/executor-memory: {{ $s.executor.memory | quote }}
{{- if eq .Values.global.trunkline.workload.lifecycle "spot" }}
spark.trunkline.dev/executors: spot
{{- end }}
{{- with .Values.history }}
spark.trunkline.dev/history: {{ . | quote }}
{{- end }}
{{- end }}

{{/* Whether the operator starts the driver. Lots are made by Jobs, whatever there is. */}}
{{- define "spark.byOperator" -}}
{{- $w := .Values.global.trunkline.workload -}}
{{- if and (eq $w.spark.operator "kubeflow") (not $w.lots) }}true{{ end -}}
{{- end }}
