{{/*
What people's workspaces are made from: a StatefulSet without replicas, of which Trunkline makes one for each person who opens it, with what is
theirs. It is rendered and judged like any other workload, and nothing runs of it. "command" is what a person's has instead of the workload's.

The server listens for its own pod alone, so that nothing but the API server's port forward leads to it, and only the account of the release may
have it forwarded.
*/}}
{{- define "trunkline.workspace" -}}
{{- $root := .root -}}
{{- $w := $root.Values.global.trunkline.workload -}}
{{- $values := dict "Values" (deepCopy $root.Values) -}}
{{- $env := append $w.env (dict "name" "HOME" "value" "/home/workspace") -}}
{{- $_ := set $values.Values.global.trunkline.workload "command" .command -}}
{{- $_ := set $values.Values.global.trunkline.workload "env" $env -}}
{{- $_ := set $values.Values.global.trunkline.workload "files" list -}}
{{- $mounts := list (dict "name" "home" "mountPath" "/home/workspace") -}}
{{- $pod := include "trunkline.podSpec" (dict "root" $values "workingDir" "/home/workspace" "grace" 30 "mounts" $mounts) | fromYaml -}}
{{- $_ := set $pod.securityContext "fsGroup" (int64 $root.Values.user) -}}
{{- $_ := set $pod.securityContext "fsGroupChangePolicy" "OnRootMismatch" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $w.name | quote }}
  labels:
    {{- include "trunkline.labels" $root | nindent 4 }}
spec:
  replicas: 0
  serviceName: {{ $w.name | quote }}
  podManagementPolicy: Parallel
  persistentVolumeClaimRetentionPolicy:
    whenScaled: Retain
    whenDeleted: {{ ternary "Retain" "Delete" $root.Values.keepVolume }}
  selector:
    matchLabels:
      {{- include "trunkline.selector" $root | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "trunkline.labels" $root | nindent 8 }}
    spec:
      {{- toYaml $pod | nindent 6 }}
  volumeClaimTemplates:
    - metadata:
        name: home
        labels:
          {{- include "trunkline.labels" $root | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $root.Values.storageClass }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests:
            storage: {{ $root.Values.storage }}
{{- end }}

{{/*
The beginning of what a workspace runs: the repository is cloned once, and is there whole or not at all. What the person gave for it is read by Git
alone, for that address alone. A repository that cannot be cloned is no reason to have no workspace: a file in the home folder says why, and it is
tried again at the next start.
*/}}
{{- define "trunkline.workspaceBegins" -}}
set -eu
mkdir -p "$HOME/.local/share"
cd "$HOME"
repository=${TRUNKLINE_GIT_REPOSITORY:-}
folder=$HOME/${TRUNKLINE_GIT_FOLDER:-.}
if [ -n "$repository" ]; then
  export GIT_TERMINAL_PROMPT=0
  if [ -e /var/run/trunkline/git/password ]; then
    export GIT_CONFIG_COUNT=2
    export GIT_CONFIG_KEY_0="credential.$repository.helper" GIT_CONFIG_VALUE_0=
    export GIT_CONFIG_KEY_1="credential.$repository.helper"
    export GIT_CONFIG_VALUE_1='!f() { test "$1" = get || exit 0; echo "username=$(cat /var/run/trunkline/git/username)"; echo "password=$(cat /var/run/trunkline/git/password)"; }; f'
  fi
  if [ ! -e "$folder" ]; then
    said=$HOME/repository-not-cloned.txt
    rm -rf "$folder.part" "$said"
    if git clone --branch "$TRUNKLINE_GIT_BRANCH" -- "$repository" "$folder.part" 2>/tmp/clone; then
      mv "$folder.part" "$folder"
    else
      { echo "$repository was not cloned at the branch $TRUNKLINE_GIT_BRANCH. Git says:"; cat /tmp/clone; } | tee "$said" >&2
    fi
  fi
fi
test -d "$folder" || folder=$HOME
{{- end }}
