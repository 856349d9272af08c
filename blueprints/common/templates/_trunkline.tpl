{{/*
The templates in this file can be included by every chart that Trunkline renders, also by those of a repository.
They read .Values.global.trunkline, and from the chart's own values only: imagePullSecrets, nodeSelector,
tolerations and user; see README.md.
*/}}

{{/* Labels for metadata, also of pods. */}}
{{- define "trunkline.labels" -}}
app.kubernetes.io/name: {{ .Values.global.trunkline.workload.name | quote }}
{{ toYaml .Values.global.trunkline.labels }}
{{- end }}

{{/* Labels to select the workload's pods by: those that never change. */}}
{{- define "trunkline.selector" -}}
{{- $labels := .Values.global.trunkline.labels -}}
{{ toYaml (pick $labels "trunkline.dev/project" "trunkline.dev/environment" "trunkline.dev/workload") }}
{{- end }}

{{/*
A name of at most .max characters that begins with .name: .name itself if it fits, else cut, with a hash of the
whole so that two long names stay apart.
*/}}
{{- define "trunkline.name" -}}
{{- if le (len .name) (int .max) -}}
{{ .name }}
{{- else -}}
{{ trunc (int (sub .max 9)) .name | trimSuffix "-" }}-{{ sha256sum .name | trunc 8 }}
{{- end -}}
{{- end }}

{{/* The name of the ConfigMap with the workload's files: another one when a file changes. */}}
{{- define "trunkline.filesName" -}}
{{- $w := .Values.global.trunkline.workload -}}
{{ $w.name }}-files-{{ toJson $w.files | sha256sum | trunc 8 }}
{{- end }}

{{/* The ConfigMap with the workload's files, if it has any. */}}
{{- define "trunkline.files" -}}
{{- with .Values.global.trunkline.workload.files }}
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ include "trunkline.filesName" $ }}
  labels:
    {{- include "trunkline.labels" $ | nindent 4 }}
# What is mounted into a pod that runs must not change under it: the name tells the content.
immutable: true
{{- $data := dict }}
{{- $binary := dict }}
{{- range . }}
{{- if hasKey . "base64" }}{{ $_ := set $binary .key .base64 }}{{ else }}{{ $_ := set $data .key .content }}{{ end }}
{{- end }}
{{- with $data }}
data:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $binary }}
binaryData:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/*
The spec of a pod that runs the workload, under the "restricted" Pod Security Standard.

  spec:
    {{- include "trunkline.podSpec" . | nindent 4 }}

or with more:

    {{- include "trunkline.podSpec" (dict "root" . "restartPolicy" "Never" "container" $more) | nindent 4 }}

where "container" holds further fields of the container, such as ports and probes, "mounts" and "volumes" are more of these, "workingDir" is where the
process starts, "grace" is how many seconds it has to end, and "token" gives it the token of its service account.
*/}}
{{- define "trunkline.podSpec" -}}
{{- $root := .root | default . -}}
{{- $t := $root.Values.global.trunkline -}}
{{- $w := $t.workload -}}
{{- $values := $root.Values -}}
serviceAccountName: {{ $t.serviceAccount | quote }}
automountServiceAccountToken: {{ .token | default false }}
enableServiceLinks: false
{{- with .grace }}
terminationGracePeriodSeconds: {{ . }}
{{- end }}
{{- with .restartPolicy }}
restartPolicy: {{ . }}
{{- end }}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with $values.user }}
  runAsUser: {{ int64 . }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- $selector := $values.nodeSelector | default dict | deepCopy }}
{{- $tolerations := $values.tolerations | default list }}
{{- with $w.nodes }}
{{- $selector = merge $selector (.selector | deepCopy) }}
{{- $tolerations = concat $tolerations .tolerations }}
{{- end }}
{{- with $selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- /* Secrets that the pod reads by itself: the program that does is put beside that of the workload, which it starts. */}}
{{- with $w.entrypoint }}
initContainers:
  - name: trunkline-lot
    image: {{ .image | quote }}
    command: [lot, secrets, install, {{ .program | quote }}]
    resources:
      {{- toYaml $w.resources | nindent 6 }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: trunkline-lot
        mountPath: {{ .folder }}
{{- end }}
containers:
  - name: {{ $w.name | quote }}
    image: {{ required "the workload has no image: set it on the project or the workload" $w.image | quote }}
    {{- with $w.command }}
    command:
      {{- with $w.entrypoint }}
      {{- toYaml (list .program "secrets" "exec" "--") | nindent 6 }}
      {{- end }}
      {{- toYaml . | nindent 6 }}
    {{- end }}
    {{- with .workingDir | default (empty $w.files | ternary "" "/workspace") }}
    workingDir: {{ . }}
    {{- end }}
    env:
      {{- toYaml $w.env | nindent 6 }}
      {{- with $w.entrypoint }}
      - name: {{ .variable }}
        value: {{ .secrets | quote }}
      {{- end }}
    resources:
      {{- toYaml $w.resources | nindent 6 }}
    {{- with .container }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: tmp
        mountPath: /tmp
      {{- if $w.files }}
      - name: workspace
        mountPath: /workspace
        readOnly: true
      {{- end }}
      {{- with $w.entrypoint }}
      - name: trunkline-lot
        mountPath: {{ .folder }}
        readOnly: true
      {{- if .tokens }}
      - name: trunkline-tokens
        mountPath: {{ .tokenFolder }}
        readOnly: true
      {{- end }}
      {{- end }}
      {{- range $w.secretVolumes }}
      - name: {{ .name }}
        mountPath: {{ .folder }}
        readOnly: true
      {{- end }}
      {{- with .mounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - name: tmp
    emptyDir: {}
  {{- with $w.entrypoint }}
  - name: trunkline-lot
    emptyDir: {}
  {{- with .tokens }}
  - name: trunkline-tokens
    projected:
      sources:
        {{- toYaml . | nindent 8 }}
  {{- end }}
  {{- end }}
  {{- /* The Secrets Store CSI driver reads secrets when a pod mounts them, and then makes the Secret that the variables are of. */}}
  {{- range $w.secretVolumes }}
  - name: {{ .name }}
    csi:
      driver: secrets-store.csi.k8s.io
      readOnly: true
      volumeAttributes:
        secretProviderClass: {{ .class | quote }}
  {{- end }}
  {{- if $w.files }}
  - name: workspace
    configMap:
      name: {{ include "trunkline.filesName" $root }}
      items:
        {{- range $w.files }}
        - key: {{ .key | quote }}
          path: {{ .path | quote }}
        {{- end }}
  {{- end }}
  {{- with .volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/*
The spec of a Job that runs the workload: of a Job itself, or of the template in a CronJob. The timeout is for
the Job with all its retries. Suspension is not in it: a Job's name is made of its spec, and a Job that is suspended
must stay the same one; and what a CronJob starts is not what is suspended. A run for a lot has one pod and no other after
it, which would find what the first left behind: what is tried again is the lot, with a place of its own to write to.

Given (dict "root" . "pod" $spec "annotations" $annotations), the pod is that spec, with these annotations.
*/}}
{{- define "trunkline.jobSpec" -}}
{{- $root := .root | default . -}}
{{- $w := $root.Values.global.trunkline.workload -}}
backoffLimit: {{ if $w.lots }}0{{ else }}{{ hasKey $w "retries" | ternary $w.retries 2 }}{{ end }}
{{- if gt (int64 $w.timeoutSeconds) 0 }}
activeDeadlineSeconds: {{ $w.timeoutSeconds }}
{{- end }}
{{- with $root.Values.parallelism }}
parallelism: {{ . }}
{{- end }}
{{- with $root.Values.completions }}
completions: {{ . }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "trunkline.labels" $root | nindent 6 }}
    {{- with .annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    {{- .pod | default (include "trunkline.podSpec" (dict "root" $root "restartPolicy" "Never")) | nindent 4 }}
{{- end }}

{{/*
The whole of a workload that runs once, or once for each lot: the Job, or the template of its Jobs. What runs once for each lot is started by
Trunkline, which makes the Jobs from this template. So can people, with "kubectl create job --from=cronjob/NAME". By itself it never starts any:
it is suspended, and the 31st of February does not come.

A Job cannot be changed once it is there. Its name holds a hash of all that it is, so that changed content is a new Job, and the one before is
pruned. Only its suspension can be changed, and stays out of the hash: the Job goes on where it was, and one that is done is not done again.

It takes the same as "trunkline.jobSpec".
*/}}
{{- define "trunkline.job" -}}
{{- $root := .root | default . -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $spec := include "trunkline.jobSpec" . -}}
{{- if $w.lots -}}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: {{ include "trunkline.name" (dict "name" $w.name "max" 52) | quote }}
  labels:
    {{- include "trunkline.labels" $root | nindent 4 }}
spec:
  schedule: "0 0 31 2 *"
  suspend: true
  concurrencyPolicy: Allow
  jobTemplate:
    metadata:
      labels:
        {{- include "trunkline.labels" $root | nindent 8 }}
    spec:
      {{- $spec | nindent 6 }}
{{- else -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: "{{ trunc 54 $w.name | trimSuffix "-" }}-{{ sha256sum (print $w.name $spec) | trunc 8 }}"
  labels:
    {{- include "trunkline.labels" $root | nindent 4 }}
spec:
  {{- if $w.suspend }}
  suspend: true
  {{- end }}
  {{- $spec | nindent 2 }}
{{- end }}
{{- end }}

{{/*
The same for a program that reads the workload's params: in a run for a lot it is given them, and else they are in TRUNKLINE_PARAMS, as JSON.
What a container's variable has of "$" is written twice, as "$(NAME)" would be another variable.
*/}}
{{- define "trunkline.jobWithParams" -}}
{{- $w := .Values.global.trunkline.workload -}}
{{- if not $w.lots -}}
{{- $params := omit .Values "global" | toJson | replace "$" "$$" -}}
{{- $_ := set $w "env" (append $w.env (dict "name" "TRUNKLINE_PARAMS" "value" $params)) -}}
{{- end -}}
{{- include "trunkline.job" . -}}
{{- end }}
