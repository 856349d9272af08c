#!/bin/sh
# Puts what GitHub says of its API into .cache/github, once: hack/github/install.sh
# Tests hold the client and the fake to it. It is GitHub's text and is not committed; npm fetches it at the versions of
# package.json, by the digests of package-lock.json, and no script of a package is run.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/github
stamp=$(cat hack/github/package-lock.json hack/github/operations.txt hack/github/prune.mjs hack/github/install.sh | cksum)
if [ "$(cat "$into/.installed" 2>/dev/null)" = "$stamp" ]; then
	exit 0
fi
for tool in node npm; do
	command -v "$tool" >/dev/null || {
		echo "hack/github needs $tool (Node 20 or newer) to fetch GitHub's own descriptions of its API" >&2
		exit 1
	}
done
echo "fetching GitHub's descriptions of its API into $into, once; it takes 400 MB for a moment" >&2
mkdir -p .cache
new=$(mktemp -d "$into.XXXXXX")
trap 'rm -rf "$new"' EXIT
mkdir "$new/npm"
cp hack/github/package.json hack/github/package-lock.json "$new/npm/"
(cd "$new/npm" && npm ci --ignore-scripts --no-audit --no-fund --silent)
octokit=$new/npm/node_modules/@octokit
node hack/github/prune.mjs "$octokit/openapi/generated/api.github.com.json" hack/github/operations.txt >"$new/openapi.json"
cp "$octokit/webhooks-schemas/schema.json" "$new/webhooks.json"
cp "$octokit/webhooks-examples/api.github.com/index.json" "$new/examples.json"
rm -rf "$new/npm"
echo "$stamp" >"$new/.installed"
chmod 755 "$new"
rm -rf "$into"
mv "$new" "$into"
trap - EXIT
