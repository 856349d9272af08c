{{- define "agent.selector" -}}
app.kubernetes.io/name: trunkline-agent
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "agent.labels" -}}
{{ include "agent.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "agent.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* What a schema cannot say of the values. */}}
{{- define "agent.check" -}}
{{- if ne .Release.Namespace "trunkline-system" -}}
{{- fail (printf "the namespace is %q: install with --namespace trunkline-system, where the inventories are that the agent's rights are for" .Release.Namespace) -}}
{{- end -}}
{{- if and .Values.daemon.ca.configMap .Values.daemon.ca.secret -}}
{{- fail "daemon.ca names a ConfigMap and a Secret: leave one of them out" -}}
{{- end -}}
{{- end -}}
