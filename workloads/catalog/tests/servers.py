# SPDX-License-Identifier: Apache-2.0

"""The servers of the tests: AWS as moto has it, and a REST catalog of Apache Iceberg itself.

As a program it starts both for a folder, prints their addresses, one a line, and ends with its standard input.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from moto.server import ThreadedMotoServer


@contextmanager
def aws() -> Iterator[str]:
    """AWS, at an address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@contextmanager
def iceberg(warehouse: str) -> Iterator[str]:
    """A REST catalog, whose tables are made below a folder of a store."""
    java = os.environ.get("CATALOG_JAVA") or str(Path(sys.prefix, "java"))
    command = ["java", "-Xmx256m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", f"{java}:{java}/lib/*", "Serve", warehouse]
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
