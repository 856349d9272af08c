#!/bin/sh
# Puts Mermaid, whose parser tests hold our diagrams to, into .cache/mermaid, once: hack/mermaid/install.sh
# npm fetches it at the versions of package.json, by the digests of package-lock.json, and no script of a package is run.
# To change a version: edit package.json, then "npm install --package-lock-only --omit-lockfile-registry-resolved".
set -eu
cd "$(dirname "$0")/../.."
into=.cache/mermaid
stamp=$(cat hack/mermaid/package-lock.json hack/mermaid/install.sh | cksum)
if [ "$(cat "$into/.installed" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
for tool in node npm; do
	command -v "$tool" >/dev/null || {
		echo "hack/mermaid needs $tool (Node 20 or newer) to fetch Mermaid, whose parser tests hold our diagrams to" >&2
		exit 1
	}
done
echo "fetching Mermaid into $into, once; 100 MB" >&2
mkdir -p .cache
new=$(mktemp -d "$into.XXXXXX")
trap 'rm -rf "$new"' EXIT
cp hack/mermaid/package.json hack/mermaid/package-lock.json "$new/"
(cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --silent)
find "$new/node_modules" -name '*.map' -delete # nearly half of it
echo "$stamp" >"$new/.installed"
chmod 755 "$new"
rm -rf "$into"
mv "$new" "$into"
trap - EXIT
