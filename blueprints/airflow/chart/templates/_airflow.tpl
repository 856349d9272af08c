{{/*
Where Airflow believes that it is: as the param says, or below the path at which Trunkline passes people on, whose host it need not know.
*/}}
{{- define "airflow.url" -}}
{{- $t := .Values.global.trunkline -}}
{{- .Values.url | default (printf "http://application/airflow/%s/%s/%s" $t.environment $t.project $t.workload.name) | trimSuffix "/" -}}
{{- end }}

{{/* The path of that; empty if it is the beginning. */}}
{{- define "airflow.path" -}}
{{- regexReplaceAll "^https?://[^/]+" (include "airflow.url" .) "" -}}
{{- end }}

{{/* Trunkline's own package, as data of a ConfigMap: what the image does not have. */}}
{{- define "airflow.package" -}}
{{- range $file, $content := .Files.Glob "files/trunkline_airflow/**" }}
{{ $file | trimPrefix "files/trunkline_airflow/" | replace "/" "__" }}: {{ $content | toString | toJson }}
{{- end }}
{{- end }}

{{- define "airflow.packageName" -}}
{{ .Values.global.trunkline.workload.name }}-package-{{ include "airflow.package" . | sha256sum | trunc 8 }}
{{- end }}

{{/*
What the database is, as JSON. That of a preview is one of its own, which ends with it: a preview has no Secrets that people made.
*/}}
{{- define "airflow.database" -}}
{{- if .Values.global.trunkline.workload.airflow.preview -}}
{{- dict "volatile" true "image" (dig "image" "postgres:17" (.Values.database | default dict)) | toJson -}}
{{- else -}}
{{- .Values.database | default dict | toJson -}}
{{- end -}}
{{- end }}

{{- define "airflow.keys" -}}
{{ .Values.global.trunkline.workload.name }}-keys
{{- end }}

{{/* A variable whose value is in the Secret of keys, as {name, valueFrom}. */}}
{{- define "airflow.key" -}}
{{- dict "name" .name "valueFrom" (dict "secretKeyRef" (dict "name" (include "airflow.keys" .root) "key" .key)) | toJson -}}
{{- end }}

{{/*
The variables of all parts, as JSON: secrets first, so that values can hold them, then the configuration, then what the workload sets, which wins. A worker has no
connection to the database and no keys: it asks the API server.
*/}}
{{- define "airflow.env" -}}
{{- $root := .root -}}
{{- $t := $root.Values.global.trunkline -}}
{{- $w := $t.workload -}}
{{- $values := $root.Values -}}
{{- $path := include "airflow.path" $root -}}
{{- $own := list -}}
{{- if not .worker -}}
{{- $own = concat $own (list
  (include "airflow.key" (dict "root" $root "name" "TRUNKLINE_FERNET" "key" "fernet") | fromJson)
  (include "airflow.key" (dict "root" $root "name" "AIRFLOW__API_AUTH__JWT_SECRET" "key" "jwt") | fromJson)
  (include "airflow.key" (dict "root" $root "name" "AIRFLOW__API__SECRET_KEY" "key" "session") | fromJson)
) -}}
{{- with include "airflow.database" $root | fromJson -}}
{{- if .from -}}
{{- $own = append $own (dict "name" "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "valueFrom" (dict "secretKeyRef" (dict "name" .from "key" (.key | default "connection")))) -}}
{{- else -}}
{{- $own = concat $own (list
  (include "airflow.key" (dict "root" $root "name" "TRUNKLINE_POSTGRES" "key" "postgres") | fromJson)
  (dict "name" "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN" "value" (printf "postgresql+psycopg2://airflow:$(TRUNKLINE_POSTGRES)@%s-db:5432/airflow" $w.name))
) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $conf := dict
  "AIRFLOW_HOME" "/tmp/airflow"
  "HOME" "/tmp"
  "PYTHONPATH" "/opt/trunkline"
  "TRUNKLINE_AIRFLOW" $w.name
  "TRUNKLINE_KEEP_VERSIONS" (toString $values.keepVersions)
  "AIRFLOW__CORE__EXECUTOR" $values.executor
  "AIRFLOW__CORE__PARALLELISM" (toString $values.parallelism)
  "AIRFLOW__CORE__LOAD_EXAMPLES" "False"
  "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION" (ternary "True" "False" $w.airflow.preview)
  "AIRFLOW__CORE__AUTH_MANAGER" "trunkline_airflow.auth.AuthManager"
  "AIRFLOW__CORE__HOSTNAME_CALLABLE" "airflow.utils.net.get_host_ip_address"
  "AIRFLOW__CORE__EXECUTION_API_SERVER_URL" (printf "http://%s%s/execution/" $w.name $path)
  "AIRFLOW__API__BASE_URL" (include "airflow.url" $root)
  "AIRFLOW__API__PORT" (toString $values.port)
  "AIRFLOW__API__WORKERS" "1"
  "AIRFLOW__SCHEDULER__ENABLE_HEALTH_CHECK" "True"
  "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT" "60"
  "AIRFLOW__WORKERS__EXECUTION_API_RETRIES" "8"
  "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH" "/tmp/airflow/bundles"
  "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST" (list (dict "name" "trunkline" "classpath" "trunkline_airflow.bundle.ProjectBundle" "kwargs" (dict "refresh_interval" 15)) | toJson)
-}}
{{- if eq $values.executor "KubernetesExecutor" -}}
{{- $_ := merge $conf (dict
  "AIRFLOW__KUBERNETES_EXECUTOR__NAMESPACE" $t.namespace
  "AIRFLOW__KUBERNETES_EXECUTOR__POD_TEMPLATE_FILE" "/etc/trunkline-airflow/worker.yaml"
) -}}
{{- end -}}
{{- with $values.logs }}{{ if not $w.airflow.preview -}}
{{- $_ := merge $conf (dict
  "AIRFLOW__LOGGING__REMOTE_LOGGING" "True"
  "AIRFLOW__LOGGING__REMOTE_BASE_LOG_FOLDER" (printf "%s/%s/%s" .folder $t.environment $t.cluster)
  "AIRFLOW__LOGGING__REMOTE_LOG_CONN_ID" (.connection | default "")
  "AIRFLOW__LOGGING__DELETE_LOCAL_LOGS" "True"
) -}}
{{- end }}{{ end -}}
{{- if not .worker }}{{ $_ := set $conf "AIRFLOW__CORE__FERNET_KEY" "$(TRUNKLINE_FERNET)=" }}{{ end -}}
{{- range $name, $value := $conf }}{{ $own = append $own (dict "name" $name "value" $value) }}{{ end -}}
{{- $set := dict -}}
{{- $given := $w.env -}}
{{- if $w.airflow.preview -}}
{{- $given = list -}}
{{- range $w.env }}{{ if not (regexMatch "^AIRFLOW__(DATABASE__|LOGGING__REMOTE_)" .name) }}{{ $given = append $given . }}{{ end }}{{ end -}}
{{- end -}}
{{- range $given }}{{ $_ := set $set .name true }}{{ end -}}
{{- $out := list -}}
{{- range $own }}{{ if not (hasKey $set .name) }}{{ $out = append $out . }}{{ end }}{{ end -}}
{{- $private := "^AIRFLOW__(DATABASE__|API__SECRET_KEY|API_AUTH__JWT_SECRET|CORE__FERNET_KEY)" -}}
{{- $worker := .worker -}}
{{- range $given }}{{ if not (and $worker (regexMatch $private .name)) }}{{ $out = append $out . }}{{ end }}{{ end -}}
{{- dict "env" $out | toJson -}}
{{- end }}

{{/*
The spec of the pod of a part: give it "root", "name", "command", and what "trunkline.podSpec" takes.
*/}}
{{- define "airflow.pod" -}}
{{- $root := dict "Values" (deepCopy .root.Values) -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $env := include "airflow.env" (dict "root" .root "worker" .worker) | fromJson -}}
{{- $_ := set $w "env" $env.env -}}
{{- $_ := set $w "name" .name -}}
{{- $_ := set $w "command" .command -}}
{{- $_ := set $w "files" list -}}
{{- if .worker -}}
{{- with $root.Values.worker }}{{ $_ := set $w "resources" (dict "requests" . "limits" .) }}{{ end -}}
{{- $_ := set $root.Values.global.trunkline "serviceAccount" (printf "%s-worker" .root.Values.global.trunkline.workload.name) -}}
{{- end -}}
{{- $items := list -}}
{{- range $file, $content := .root.Files.Glob "files/trunkline_airflow/**" -}}
{{- $name := $file | trimPrefix "files/trunkline_airflow/" -}}
{{- $items = append $items (dict "key" ($name | replace "/" "__") "path" (printf "trunkline_airflow/%s" $name)) -}}
{{- end -}}
{{- $mounts := concat (list (dict "name" "package" "mountPath" "/opt/trunkline" "readOnly" true)) (.mounts | default list) -}}
{{- $volumes := concat (list (dict "name" "package" "configMap" (dict "name" (include "airflow.packageName" .root) "items" $items))) (.volumes | default list) -}}
{{- include "trunkline.podSpec" (dict "root" $root "restartPolicy" .restartPolicy "container" .container "mounts" $mounts "volumes" $volumes "token" (not .tokenless) "grace" .grace) -}}
{{- end }}

{{/* The template of the pods in which the KubernetesExecutor runs tasks. */}}
{{- define "airflow.worker" -}}
{{- $labels := include "trunkline.labels" . | fromYaml -}}
{{- $_ := set $labels "airflow.trunkline.dev/component" "worker" -}}
{{- $pod := include "airflow.pod" (dict "root" . "name" "base" "worker" true "command" (list "/usr/bin/env") "restartPolicy" "Never") | fromYaml -}}
{{- dict "apiVersion" "v1" "kind" "Pod" "metadata" (dict "name" "worker" "labels" $labels) "spec" $pod | toYaml -}}
{{- end }}

{{- define "airflow.workerName" -}}
{{ .Values.global.trunkline.workload.name }}-worker-{{ include "airflow.worker" . | sha256sum | trunc 8 }}
{{- end }}

{{/* A Deployment of one part. */}}
{{- define "airflow.deployment" -}}
{{- $w := .root.Values.global.trunkline.workload -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ printf "%s-%s" $w.name .name | quote }}
  labels:
    {{- include "trunkline.labels" .root | nindent 4 }}
    airflow.trunkline.dev/component: {{ .name }}
  annotations:
    # After the database is that of this version; and the scheduler after the API server, which its tasks ask.
    trunkline.dev/wave: {{ eq .name "scheduler" | ternary "2" "1" | quote }}
spec:
  replicas: {{ ternary 0 1 $w.suspend }}
  {{- with .strategy }}
  strategy:
    type: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "trunkline.selector" .root | nindent 6 }}
      airflow.trunkline.dev/component: {{ .name }}
  template:
    metadata:
      labels:
        {{- include "trunkline.labels" .root | nindent 8 }}
        airflow.trunkline.dev/component: {{ .name }}
    spec:
      {{- include "airflow.pod" . | nindent 6 }}
{{- end }}
