{{/* The same for the operator of Kubeflow. */}}
{{- define "spark.application" -}}
{{- $w := .Values.global.trunkline.workload -}}
{{- $spec := include "spark.applicationSpec" . -}}
apiVersion: sparkoperator.k8s.io/v1beta2
{{- if $w.schedule }}
kind: ScheduledSparkApplication
{{- else }}
kind: SparkApplication
{{- end }}
metadata:
  {{- if or $w.spark.stream $w.schedule }}
  name: {{ include "trunkline.name" (dict "name" $w.name "max" 46) | quote }}
  {{- else }}
  # As with a Job: changed content is another application, and the one before is pruned.
  name: "{{ trunc 37 $w.name | trimSuffix "-" }}-{{ sha256sum (print $w.name $spec) | trunc 8 }}"
  {{- end }}
  labels:
    {{- include "trunkline.labels" . | nindent 4 }}
  annotations:
    {{- include "spark.annotations" . | nindent 4 }}
spec:
  {{- if $w.schedule }}
  # Not all versions of the operator have a field for the zone; all of them read it here.
  schedule: {{ printf "CRON_TZ=%s %s" ($w.timeZone | default "Etc/UTC") $w.schedule | quote }}
  concurrencyPolicy: Forbid
  suspend: {{ $w.suspend }}
  template:
    {{- $spec | nindent 4 }}
  {{- else }}
  {{- if $w.suspend }}
  suspend: true
  {{- end }}
  {{- $spec | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "spark.applicationSpec" -}}
{{- $t := .Values.global.trunkline -}}
{{- $w := $t.workload -}}
{{- $s := $w.spark -}}
{{- $labels := include "trunkline.labels" . | fromYaml -}}
type: {{ $s.type }}
{{- if eq $s.type "Python" }}
pythonVersion: "3"
{{- end }}
mode: cluster
sparkVersion: {{ .Values.sparkVersion | quote }}
image: {{ required "the workload has no image: set it on the project or the workload" $w.image | quote }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.class }}
mainClass: {{ . | quote }}
{{- end }}
{{- with $w.command }}
mainApplicationFile: {{ include "spark.applicationFile" (first .) | quote }}
{{- with rest . }}
arguments:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
sparkConf:
  {{- omit (include "spark.conf" . | fromJson) "spark.app.name" "spark.dynamicAllocation.enabled" "spark.dynamicAllocation.minExecutors" "spark.dynamicAllocation.maxExecutors" | toYaml | nindent 2 }}
restartPolicy:
  {{- if $s.stream }}
  type: Always
  {{- else if eq (int (hasKey $w "retries" | ternary $w.retries 2)) 0 }}
  type: Never
  {{- else }}
  type: OnFailure
  onFailureRetries: {{ hasKey $w "retries" | ternary $w.retries 2 }}
  onFailureRetryInterval: 10
  {{- end }}
driver:
  cores: {{ $s.driver.cores }}
  coreRequest: {{ $s.driver.cpu | quote }}
  coreLimit: {{ $s.driver.cpu | quote }}
  memory: {{ printf "%dm" (int64 $s.driver.heapMiB) }}
  memoryOverhead: {{ printf "%dm" (int64 $s.driver.overheadMiB) }}
  serviceAccount: {{ $t.serviceAccount | quote }}
  template:
    metadata:
      labels:
        {{- toYaml $labels | nindent 8 }}
      annotations:
        {{- include "spark.annotations" . | nindent 8 }}
    spec:
      {{- include "spark.operatorPod" (dict "root" . "container" "spark-kubernetes-driver") | nindent 6 }}
executor:
  {{- if not $s.dynamic }}
  instances: {{ $s.min }}
  {{- end }}
  cores: {{ $s.executor.cores }}
  coreRequest: {{ $s.executor.cpu | quote }}
  coreLimit: {{ $s.executor.cpu | quote }}
  memory: {{ printf "%dm" (int64 $s.executor.heapMiB) }}
  memoryOverhead: {{ printf "%dm" (int64 $s.executor.overheadMiB) }}
  serviceAccount: {{ $t.serviceAccount | quote }}
  template:
    metadata:
      labels:
        {{- toYaml $labels | nindent 8 }}
    spec:
      {{- include "spark.operatorPod" (dict "root" . "container" "spark-kubernetes-executor") | nindent 6 }}
{{- if $s.dynamic }}
dynamicAllocation:
  enabled: true
  minExecutors: {{ $s.min }}
  maxExecutors: {{ $s.max }}
{{- end }}
{{- end }}

{{/* The file of the application: what is among the files of the workload is in the pod of the driver. */}}
{{- define "spark.applicationFile" -}}
{{- if contains "://" . }}{{ . }}{{ else if hasPrefix "/" . }}local://{{ . }}{{ else }}local:///workspace/{{ . }}{{ end -}}
{{- end }}

{{/* The pod of a driver or an executor whose command is the operator's to say. */}}
{{- define "spark.operatorPod" -}}
{{- $root := dict "Values" (deepCopy .root.Values) -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $driver := eq .container "spark-kubernetes-driver" -}}
{{- $_ := set $w "command" list -}}
{{- $_ := unset $w "entrypoint" -}}
{{- if $driver -}}
{{- $_ := set $w "lifecycle" "on-demand" -}}
{{- $_ := unset $w "nodes" -}}
{{- end -}}
{{- with $w.spark.checkpoint }}{{ $_ := set $w "env" (append $w.env (dict "name" "TRUNKLINE_CHECKPOINT" "value" .)) }}{{ end -}}
{{- if and $w.files (eq $w.spark.type "Python") -}}
{{- $_ := set $w "env" (append $w.env (dict "name" "PYTHONPATH" "value" "/workspace")) -}}
{{- end -}}
{{- $spec := include "trunkline.podSpec" (dict "root" $root "workingDir" "/tmp" "token" $driver) | fromYaml -}}
{{- $_ := unset $spec "serviceAccountName" -}}
{{- $c := index $spec.containers 0 -}}
{{- $_ := set $c "name" .container -}}
{{- $_ := unset $c "image" -}}
{{- $_ := unset $c "resources" -}}
{{- if and $driver (not $w.spark.stream) (gt (int64 $w.timeoutSeconds) 0) -}}
{{- $_ := set $spec "activeDeadlineSeconds" (int64 $w.timeoutSeconds) -}}
{{- end -}}
{{- toYaml $spec -}}
{{- end }}
