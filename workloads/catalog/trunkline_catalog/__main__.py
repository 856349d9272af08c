# SPDX-License-Identifier: Apache-2.0

"""The program."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trunkline_catalog.glue import add_partitions
from trunkline_catalog.iceberg import add_files
from trunkline_catalog.objects import Input, parse_objects
from trunkline_catalog.params import CatalogError, Params, Work, parse_params, parse_table

MAX_COMMENT = 1500


@dataclass(frozen=True)
class Helper:
    """The program "lot", with the environment of a run."""

    program: str
    env: Mapping[str, str]

    def __call__(self, *args: str) -> str:
        done = subprocess.run([self.program, *args], env=dict(self.env), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CatalogError(done.stderr.strip() or f"{self.program} {args[0]} ended with exit code {done.returncode}")
        return done.stdout


def add(lot: Helper, params: Params | None) -> str:
    """Does it all, and returns what came of it, for people."""
    run = json.loads(lot("show"))
    params = params or parse_params(run["params"])
    try:
        return _add(lot, run, params)
    except CatalogError as error:
        if "lot" in run:
            lot("write", *role("--role", params.to), "--partial", str(error)[:MAX_COMMENT])
        raise


def _add(lot: Helper, run: Mapping[str, Any], params: Params) -> str:
    sink = chosen(run["writes"], params.to, "writes")
    table = parse_table(run["writes"][sink])
    if table.preview:
        return f"nothing is added to {table}: a preview has no table in a catalog"
    source = chosen(run["reads"], params.source, "reads")
    only = [a for i in params.includes for a in ("--include", i)] + [a for e in params.excludes for a in ("--exclude", e)]
    read = run["reads"][source]
    root = read["location"].rstrip("/") + "/"
    given = Input(
        now=parse_objects(lot("list", "--json", "--role", source, *only)),
        # Whatever the filter says now: it may have said something else then.
        former=parse_objects(lot("list", "--json", "--former", "--role", source)),
        folders=tuple(f"{root}lot={one['lot']}/" for one in read.get("lots", [])),
    )
    marks = {
        "trunkline.workload": "/".join(v for v in (lot.env.get("TRUNKLINE_PROJECT"), lot.env.get("TRUNKLINE_WORKLOAD")) if v),
        "trunkline.lot": run.get("lot", ""),
        "trunkline.attempt": run.get("attempt", ""),
    }
    work = Work(table, params, {k: v for k, v in marks.items() if v})
    listed, told = (add_partitions if table.scheme == "glue" else add_files)(given, work)
    if "lot" in run:
        with tempfile.TemporaryDirectory(prefix="catalog-") as folder:
            file = Path(folder, "listed")
            file.write_text("".join(f"{uri}\n" for uri in listed))
            lot("write", "--role", sink, "--manifest", "--list", str(file))
    return f"{run.get('lot', 'all')}: {told}"


def role(flag: str, name: str) -> tuple[str, ...]:
    """A flag, if there is something to say."""
    return (flag, name) if name else ()


def chosen(roles: Mapping[str, Any], name: str, does: str) -> str:
    """The role that is meant: the one that is named, or else the only one, or "main"."""
    wanted = name or (next(iter(roles)) if len(roles) == 1 else "main")
    for one in roles:
        # Without lots, roles are known by their variables only.
        if variable(one) == variable(wanted):
            return one
    raise CatalogError(f"the workload {does} nothing as {wanted!r}; there are: {', '.join(roles) or 'none'}")


def variable(one: str) -> str:
    """What is left of a role in the name of a variable."""
    return one.lower().replace("-", "_").replace(".", "_")


def main(argv: Sequence[str] | None = None) -> int:
    """The program. Exit codes: 0 success, 1 something failed, 2 usage error."""
    parser = argparse.ArgumentParser(
        prog="trunkline-catalog", description="Adds the lots that a run reads to the table of a catalog that it writes."
    )
    parser.add_argument("--params", type=Path, help="a JSON file with the params; default: those of the workload")
    parser.add_argument("--lot-program", default="lot", help="the program lot; default: the one on the PATH")
    args = parser.parse_args(argv)
    program = shutil.which(args.lot_program)
    if program is None:
        print(f"trunkline-catalog: there is no program {args.lot_program}: the image has to have it", file=sys.stderr)
        return 1
    try:
        params = parse_params(json.loads(args.params.read_text())) if args.params else None
        print(add(Helper(program, os.environ), params), file=sys.stderr)
    except (CatalogError, OSError, ValueError) as error:
        print(f"trunkline-catalog: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
