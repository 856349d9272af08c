#!/bin/sh
# Makes the release of a tag at GitHub, with the files that "make release" has made: hack/release/publish.sh DIST TAG
#
# It is a draft until all files are there, so that nobody finds half of it.
set -eu
dist=$1 tag=$2
try=
case $tag in *-*) try=--prerelease ;; esac
# shellcheck disable=SC2086 # an option, or nothing
gh release create "$tag" --draft --verify-tag --title "$tag" --notes-file "$dist/notes.md" $try
find "$dist" -maxdepth 1 -type f ! -name notes.md -exec gh release upload "$tag" {} +
gh release edit "$tag" --draft=false
