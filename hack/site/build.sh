#!/bin/sh
# Builds the site of the documentation: hack/site/build.sh
# The pages are those of the repository, as they are: they are copied into .cache/site/pages, where links between them are the same, and built into
# .cache/site/html. A link or an anchor that leads nowhere fails. Nothing outside of .cache is written.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/site
stamp=$(cat hack/site/requirements.txt hack/site/build.sh | cksum)
if [ "$stamp" != "$(cat "$into/.installed" 2>/dev/null)" ]; then
	echo "installing MkDocs into $into, once" >&2
	rm -rf "$into"
	"${PYTHON:-python3}" -m venv "$into"
	PIP_ROOT_USER_ACTION=ignore "$into/bin/pip" install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
		-r hack/site/requirements.txt
	echo "$stamp" >"$into/.installed"
fi
rm -rf "$into/pages" "$into/html"
git ls-files --cached --others --exclude-standard -- '*.md' docs console/openapi.yaml examples LICENSE | grep -v -e '^\.' -e testdata/ | tar cf - -T - | (mkdir -p "$into/pages" && tar xf - -C "$into/pages")
cp hack/site/mkdocs.yml hack/site/hook.py "$into/"
cp hack/site/wide.css "$into/pages/"
NO_MKDOCS_2_WARNING=true PYTHONDONTWRITEBYTECODE=1 "$into/bin/mkdocs" build --strict --config-file "$into/mkdocs.yml" >"$into/log" 2>&1 || {
	grep -v '^INFO' "$into/log" >&2 # with --quiet, warnings would not count
	exit 1
}
echo "the site is in $into/html"
