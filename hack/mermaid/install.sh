#!/bin/sh
# Puts Mermaid, whose parser tests hold our diagrams to, into .cache/mermaid, once: hack/mermaid/install.sh
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/mermaid
stamp=$(cat hack/fetch.sh hack/mermaid/package-lock.json hack/mermaid/install.sh | cksum)
fetched $into "$stamp" && exit 0
echo "fetching Mermaid into $into, once; 100 MB" >&2
begin $into
packages hack/mermaid "$new" "Mermaid, whose parser tests hold our diagrams to"
find "$new/node_modules" -name '*.map' -delete # nearly half of it
finish $into "$stamp"
