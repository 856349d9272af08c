{{- define "trunkline.name" -}}
{{- .Values.fullnameOverride | default (ternary .Release.Name (printf "%s-trunkline" .Release.Name) (contains "trunkline" .Release.Name)) | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "trunkline.selector" -}}
app.kubernetes.io/name: trunkline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "trunkline.labels" -}}
{{ include "trunkline.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "trunkline.account" -}}
{{- .Values.serviceAccount.name | default (ternary (include "trunkline.name" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* What a daemon is that deploys itself, and must not delete. */}}
{{- define "trunkline.kept" -}}
{{- if .Values.keep -}}
trunkline.dev/prune: disabled
{{- end -}}
{{- end -}}

{{/* As a blueprint of a platform, the chart has the image of its workload, which can be followed. */}}
{{- define "trunkline.image" -}}
{{- $workload := dig "trunkline" "workload" "image" "" (.Values.global | default dict) -}}
{{- if $workload -}}
{{ $workload }}
{{- else if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{/* The Secrets that are mounted, each once. */}}
{{- define "trunkline.secrets" -}}
{{- $names := .Values.secrets -}}
{{- range list .Values.tokens.secret .Values.tls.secret -}}
{{- if . -}}{{- $names = append $names . -}}{{- end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* The port is that of the address, which is the last thing in it. */}}
{{- define "trunkline.port" -}}
{{- regexFind "[0-9]+$" (dig "serve" "listen" ":8080" .Values.config) -}}
{{- end -}}

{{/* The port to which agents come; empty if none do. */}}
{{- define "trunkline.agents" -}}
{{- regexFind "[0-9]+$" (dig "agents" "listen" "" .Values.config) -}}
{{- end -}}

{{/* The port of applications; empty if there are none. */}}
{{- define "trunkline.apps" -}}
{{- regexFind "[0-9]+$" (dig "serve" "appsListen" "" .Values.config) -}}
{{- end -}}

{{- define "trunkline.scheme" -}}
{{- if or .Values.tls.secret (dig "serve" "tlsCertFile" "" .Values.config) -}}https{{- else -}}http{{- end -}}
{{- end -}}

{{/* The configuration: what is given, and what the chart knows better. */}}
{{- define "trunkline.config" -}}
{{- $serve := dict "listen" ":8080" -}}
{{- if .Values.tokens.secret -}}
{{- $_ := set $serve "tokensFile" (printf "/etc/trunkline/secrets/%s/%s" .Values.tokens.secret .Values.tokens.key) -}}
{{- end -}}
{{- if .Values.tls.secret -}}
{{- $_ := set $serve "tlsCertFile" (printf "/etc/trunkline/secrets/%s/tls.crt" .Values.tls.secret) -}}
{{- $_ := set $serve "tlsKeyFile" (printf "/etc/trunkline/secrets/%s/tls.key" .Values.tls.secret) -}}
{{- end -}}
{{- $spec := mergeOverwrite (dict "data" "/var/lib/trunkline" "serve" $serve) (deepCopy .Values.config) -}}
apiVersion: trunkline.dev/v1alpha1
kind: DaemonConfiguration
spec:
  {{- toYaml $spec | nindent 2 }}
{{- end -}}

{{/* What a schema cannot say of the values. */}}
{{- define "trunkline.check" -}}
{{- $config := .Values.config -}}
{{- $namespace := .Values.namespace | default "trunkline-system" -}}
{{- if ne .Release.Namespace $namespace -}}
{{- fail (printf "the namespace is %q: install with --namespace %s, where the rest of the daemon is" .Release.Namespace $namespace) -}}
{{- end -}}
{{- if not (or .Values.tokens.secret (dig "serve" "tokensFile" "" $config) (dig "serve" "tokenFile" "" $config)) -}}
{{- fail "tokens.secret is missing: name a Secret with a line \"name: token\" for each caller, since pods of the whole cluster can reach the daemon" -}}
{{- end -}}
{{- $home := dig "replicas" "home" "" $config -}}
{{- $names := list -}}
{{- range $config.clusters -}}{{- $names = append $names .name -}}{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not $home) -}}
{{- fail (printf "config.replicas.home is missing: %d replicas meet in one of the clusters (%s)" (int .Values.replicas) (join ", " $names)) -}}
{{- end -}}
{{- if and $home (not (has $home $names)) -}}
{{- fail (printf "config.replicas.home: %q is none of config.clusters (%s)" $home (join ", " $names)) -}}
{{- end -}}
{{- if and (gt (int .Values.replicas) 1) (not (has (dig "history" "store" "sqlite" $config) (list "postgres" "off"))) -}}
{{- fail "config.history.store is sqlite, a file that each replica would have for itself: use postgres with a dsnFile, or off" -}}
{{- end -}}
{{- if and (dig "replicas" "shards" false $config) (hasKey $config "github") -}}
{{- fail "config.github with config.replicas.shards: who works on pull requests has to have all releases; leave one of them out" -}}
{{- end -}}
{{- if and .Values.monitoring.serviceMonitor.enabled (not .Values.monitoring.serviceMonitor.tokenSecret) -}}
{{- fail "monitoring.serviceMonitor.tokenSecret is missing: name a Secret with one of the tokens, for Prometheus" -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.host) -}}
{{- fail "ingress.host is missing: say which name the daemon has outside" -}}
{{- end -}}
{{- if and .Values.ingress.appsHost (not (include "trunkline.apps" .)) -}}
{{- fail "ingress.appsHost without config.serve.appsListen: say at which port applications are, such as \":8081\"" -}}
{{- end -}}
{{- $mounted := include "trunkline.secrets" . | fromJsonArray -}}
{{- range regexFindAll "/etc/trunkline/secrets/[^/\\s\"']+" (toYaml $config) -1 -}}
{{- $name := trimPrefix "/etc/trunkline/secrets/" . -}}
{{- if not (has $name $mounted) -}}
{{- fail (printf "config names a file in %s, but secrets does not list %q (it lists: %s)" . $name (join ", " $mounted)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
