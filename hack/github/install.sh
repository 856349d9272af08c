#!/bin/sh
# Puts what GitHub says of its API into .cache/github, once: hack/github/install.sh
# Tests hold the client and the fake to it. It is GitHub's text and is not committed.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/github
stamp=$(cat hack/fetch.sh hack/github/package-lock.json hack/github/operations.txt hack/github/prune.mjs hack/github/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "fetching GitHub's descriptions of its API into $into, once; it takes 400 MB for a moment" >&2
begin $into
packages hack/github "$new/npm" "GitHub's own descriptions of its API"
octokit=$new/npm/node_modules/@octokit
node hack/github/prune.mjs "$octokit/openapi/generated/api.github.com.json" hack/github/operations.txt >"$new/openapi.json"
cp "$octokit/webhooks-schemas/schema.json" "$new/webhooks.json"
cp "$octokit/webhooks-examples/api.github.com/index.json" "$new/examples.json"
rm -rf "$new/npm"
finish $into "$stamp"
