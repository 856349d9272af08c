#!/bin/sh
# Puts Kustomize's own program into .cache/kustomize, once, and with --overlays also kustomizations to compare with:
# hack/kustomize/install.sh [--overlays]
# The program is of the release whose engine is the one that go.mod names. The kustomizations are those of Go modules; they are
# other people's work and are not committed.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/kustomize
# renovate: module=sigs.k8s.io/kustomize/kustomize/v5
version=v5.8.2
program=$into/kustomize-$version
if [ ! -x "$program" ]; then
	engine=$(go list -m -f '{{.Version}}' sigs.k8s.io/kustomize/api)
	mod=$(go mod download -json "sigs.k8s.io/kustomize/kustomize/v5@$version" | sed -n 's/.*"GoMod": "\(.*\)".*/\1/p')
	if ! grep -q "sigs.k8s.io/kustomize/api $engine\$" "$mod"; then
		echo "hack/kustomize/install.sh: Kustomize $version is not built of sigs.k8s.io/kustomize/api $engine, which go.mod names: change version" >&2
		exit 1
	fi
	echo "building Kustomize's own program; this takes a minute, once" >&2
	mkdir -p "$into"
	GOBIN=$PWD/$into/tmp go install "sigs.k8s.io/kustomize/kustomize/v5@$version"
	mv "$into/tmp/kustomize" "$program"
fi
[ "${1:-}" = --overlays ] || exit 0
stamp=$(cat hack/kustomize/modules.txt hack/kustomize/install.sh | cksum)
if [ "$(cat "$into/.installed" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
echo "fetching kustomizations into $into/overlays, once" >&2
new=$(mktemp -d "$into/overlays.XXXXXX")
trap 'rm -rf "$new"' EXIT
while read -r module folder; do
	case $module in '' | '#'*) continue ;; esac
	dir=$(go mod download -json "$module" | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
	mkdir -p "$new/${module%@*}/$(dirname "$folder")"
	cp -R "$dir/$folder" "$new/${module%@*}/$folder"
done <hack/kustomize/modules.txt
chmod -R u+w "$new"
chmod 755 "$new"
rm -rf "$into/overlays"
mv "$new" "$into/overlays"
trap - EXIT
echo "$stamp" >"$into/.installed"
