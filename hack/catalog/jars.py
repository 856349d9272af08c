# SPDX-License-Identifier: Apache-2.0

"""Fetches the files of a list from Maven Central, and keeps those that have the digest of the list: jars.py LIST INTO."""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CENTRAL = os.environ.get("MAVEN_CENTRAL") or "https://repo1.maven.org/maven2"


def fetch(line: str, into: Path) -> None:
    """Fetches one file, three times at most."""
    digest, path = line.split()
    for left in (2, 1, 0):
        try:
            with urllib.request.urlopen(f"{CENTRAL}/{path}", timeout=60) as answer:
                data = answer.read()
            break
        except OSError as e:
            if not left:
                sys.exit(f"{CENTRAL}/{path}: {e}")
    found = hashlib.sha256(data).hexdigest()
    if found != digest:
        sys.exit(f"{CENTRAL}/{path} has the SHA-256 {found}, and {digest} is expected")
    (into / Path(path).name).write_bytes(data)


if __name__ == "__main__":
    lines = [line for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda line: fetch(line, Path(sys.argv[2])), lines):
            pass
