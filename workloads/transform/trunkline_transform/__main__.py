# SPDX-License-Identifier: Apache-2.0

"""The program."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from trunkline_transform.params import Params, TransformError, parse_params
from trunkline_transform.writing import run_sql, told

MAX_COMMENT = 1500


@dataclass(frozen=True)
class Helper:
    """The program "lot", with the environment of a run."""

    program: str
    env: Mapping[str, str]

    def __call__(self, *args: str) -> str:
        done = subprocess.run([self.program, *args], env=dict(self.env), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise TransformError(done.stderr.strip() or f"{self.program} {args[0]} ended with exit code {done.returncode}")
        return done.stdout


def transform(lot: Helper, params: Params | None, work: Path) -> str:
    """Does it all, and returns what came of it, for people."""
    run = json.loads(lot("show"))
    try:
        params = params or parse_params(run["params"])
        return _transform(lot, run, params, work)
    except (TransformError, duckdb.Error) as error:
        why = told(error, work, list(run["reads"]))
        if "lot" in run:
            to = ("--role", params.to) if params and params.to else ()
            lot("write", *to, "--partial", why[:MAX_COMMENT])
        raise TransformError(why) from None


def _transform(lot: Helper, run: Mapping[str, Any], params: Params, work: Path) -> str:
    tables: dict[str, list[Path]] = {}
    for role in run["reads"]:
        source = params.sources.get(role, params.source)
        chosen = [a for i in source.includes for a in ("--include", i)] + [a for e in source.excludes for a in ("--exclude", e)]
        folder = work / "in" / str(len(tables))
        lot("read", "--role", role, "--to", str(folder), *chosen)
        tables[role] = sorted(p for p in folder.rglob("*") if p.is_file())
    if not tables:
        raise TransformError("the workload reads nothing")
    for role in params.sources:
        if role not in tables:
            raise TransformError(f"inputs.{role}: the workload reads nothing as {role!r}; there are: {', '.join(tables)}")
    if params.sql is None and len(tables) > 1:
        raise TransformError(f"sql is needed, since more than one dataset is read: {', '.join(tables)}")
    about = {"lot": run["lot"], "lot_start": run["start"], "lot_end": run["end"]} if "lot" in run else {}
    rows = run_sql(params, tables, about, work) if any(tables.values()) else 0
    to = ["--role", params.to] if params.to else []
    written = [str(work / "out")] if rows else []
    manifest = ["--manifest"] if "lot" in run else []
    if written or manifest:
        lot("write", *to, *written, *manifest)
    files = sum(1 for p in (work / "out").rglob("*") if p.is_file()) if rows else 0
    return f"{run.get('lot', 'all')}: {rows} rows in {files} files"


def environment(args: argparse.Namespace, env: Mapping[str, str]) -> dict[str, str]:
    """The environment of a run that the flags describe, for what is started by hand."""
    out = {k: v for k, v in env.items() if not k.startswith(("TRUNKLINE_", "CLS_"))}
    place = re.compile(r"/name=([^/]+)/version=([^/]+)/lot=([^/]+)/")
    source, sink = place.search(args.input_manifest), place.search(args.output_manifest)
    if not source or not sink:
        raise TransformError("--input-manifest and --output-manifest are places of manifests, with /name=…/version=…/lot=…/")
    lot = args.lot or source[3]
    out |= {
        "TRUNKLINE_LOT": lot,
        "TRUNKLINE_ATTEMPT": args.attempt,
        "TRUNKLINE_READ_MAIN_MANIFESTS": args.input_manifest,
        "TRUNKLINE_READ_MAIN_LOCATION": args.input_location,
        "TRUNKLINE_WRITE_MAIN": args.output_location,
    }
    out["CLS_ARC_PROPS_JSON"] = json.dumps(
        {
            "sources": {"main": {"name": source[1], "version": source[2], "subscribe": True}},
            "sinks": {"main": {"name": sink[1], "version": sink[2], "pathURI": args.output_location}},
            "sinkManifestTemplates": {"main": args.output_manifest},
            "workloadProps": {},
        }
    )
    return out


def main(argv: Sequence[str] | None = None) -> int:
    """The program. Exit codes: 0 success, 1 something failed, 2 usage error."""
    parser = argparse.ArgumentParser(
        prog="trunkline-transform", description="Transforms the lots that a run reads into the one that it writes."
    )
    parser.add_argument("--params", type=Path, help="a JSON file with the params; default: those of the workload")
    parser.add_argument("--lot-program", default="lot", help="the program lot; default: the one on the PATH")
    by_hand = parser.add_argument_group("without a run")
    by_hand.add_argument("--input-manifest", help="the address of the manifest of the lot that is read")
    by_hand.add_argument("--input-location", help="where all data of its dataset are")
    by_hand.add_argument("--output-manifest", help="where the manifest goes, with {lot} and {state}{/attempt*}")
    by_hand.add_argument("--output-location", help="the folder to write to")
    by_hand.add_argument("--lot", help="the id of the lot that is made; default: that of the manifest")
    by_hand.add_argument("--attempt", default="0", help="what the attempt is called; default: 0")
    args = parser.parse_args(argv)
    hand = [args.input_manifest, args.input_location, args.output_manifest, args.output_location]
    if any(hand) and not all(hand):
        parser.error("--input-manifest, --input-location, --output-manifest and --output-location belong together")
    program = shutil.which(args.lot_program)
    if program is None:
        print(f"trunkline-transform: there is no program {args.lot_program}: the image has to have it", file=sys.stderr)
        return 1
    try:
        env = environment(args, os.environ) if any(hand) else dict(os.environ)
        params = parse_params(json.loads(args.params.read_text())) if args.params else None
        with tempfile.TemporaryDirectory(prefix="transform-") as work:
            print(transform(Helper(program, env), params, Path(work)), file=sys.stderr)
    except (TransformError, OSError, ValueError) as error:
        print(f"trunkline-transform: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
