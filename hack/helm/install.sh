#!/bin/sh
# Puts Helm's own program into .cache/helm, once, and with --charts also charts to compare with: hack/helm/install.sh [--charts]
# The program is of the version that go.mod names. The charts are those of Go modules, and what `helm create` makes; they
# are other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/helm
version=$(go list -m -f '{{.Version}}' helm.sh/helm/v3)
program=$into/helm-$version
stamp=$(cat hack/helm/modules.txt hack/helm/install.sh | cksum)
if [ ! -x "$program" ]; then
	echo "building Helm's own program; this takes a few minutes, once" >&2
	mkdir -p "$into"
	GOBIN=$PWD/$into/tmp go install "helm.sh/helm/v3/cmd/helm@$version"
	mv "$into/tmp/helm" "$program"
fi
[ "${1:-}" = --charts ] || exit 0
if [ "$(cat "$into/.installed" 2>/dev/null)" = "$stamp $version" ]; then
	exit 0
fi
echo "fetching charts into $into/charts, once" >&2
new=$(mktemp -d "$into/charts.XXXXXX")
trap 'rm -rf "$new"' EXIT
(cd "$new" && HOME=$new "../helm-$version" create created >/dev/null)
while read -r module folder; do
	case $module in '' | '#'*) continue ;; esac
	dir=$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	mkdir -p "$new/${module%@*}/$(dirname "$folder")"
	cp -R "$dir/$folder" "$new/${module%@*}/$folder"
done <hack/helm/modules.txt
chmod -R u+w "$new"
chmod 755 "$new"
rm -rf "$into/charts"
mv "$new" "$into/charts"
trap - EXIT
echo "$stamp $version" >"$into/.installed"
