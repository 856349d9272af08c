#!/bin/sh
# Puts what drives a browser into .cache/browser, once, and finds the browser: hack/browser/install.sh
# npm fetches Playwright and axe at the versions of package.json, by the digests of package-lock.json; no script of a package
# is run. Chromium is what $BROWSER names, what is installed, or, as root on Debian, the package chromium, which is installed.
# .cache/browser/program becomes a link to it.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/browser
for tool in node npm; do
	command -v "$tool" >/dev/null || {
		echo "hack/browser needs $tool (Node 20 or newer) to drive a browser" >&2
		exit 1
	}
done
stamp=$(cat hack/browser/package-lock.json hack/browser/install.sh | cksum)
if [ "$(cat "$into/.installed" 2>/dev/null)" != "$stamp" ]; then
	mkdir -p .cache
	new=$(mktemp -d "$into.XXXXXX")
	trap 'rm -rf "$new"' EXIT
	cp hack/browser/package.json hack/browser/package-lock.json "$new/"
	(cd "$new" && npm ci --ignore-scripts --no-audit --no-fund --silent)
	echo "$stamp" >"$new/.installed"
	chmod 755 "$new"
	rm -rf "$into"
	mv "$new" "$into"
	trap - EXIT
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
