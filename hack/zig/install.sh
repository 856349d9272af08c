#!/bin/sh
# Puts Zig into .cache/zig, once, which releases have what is written in C compiled with: hack/zig/install.sh
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
wheels zig "Zig"
