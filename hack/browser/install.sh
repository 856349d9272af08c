#!/bin/sh
# Puts what drives a browser into .cache/browser, once, and finds the browser: hack/browser/install.sh
# npm fetches Playwright and axe. Chromium is what $BROWSER names, what is installed, or, as root on Debian, the package chromium, which is installed.
# .cache/browser/program becomes a link to it.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/browser
stamp=$(cat hack/fetch.sh hack/browser/package-lock.json hack/browser/install.sh | cksum)
if ! fetched $into "$stamp"; then
	begin $into
	packages hack/browser "$new" "what drives a browser"
	finish $into "$stamp"
fi
found() {
	for name in "${BROWSER:-}" chromium chromium-browser google-chrome google-chrome-stable; do
		[ -n "$name" ] && command -v "$name" && return
	done
	return 1
}
if ! program=$(found); then
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "hack/browser finds no Chromium: install it (Debian's package is chromium), or say BROWSER=/path/to/it" >&2
		exit 1
	fi
	echo "installing Debian's chromium, once; it takes 400 MB" >&2
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core fonts-noto-color-emoji >/dev/null
	program=$(found)
fi
ln -sfn "$program" "$into/program"
