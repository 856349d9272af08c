# SPDX-License-Identifier: Apache-2.0

"""The params of the workload."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FORMATS = ("csv", "tsv", "json", "parquet", "text")
# What DuckDB calls the compressions of Parquet, and how the names of compressed texts end.
PARQUET_COMPRESSIONS = {"none": "uncompressed", "snappy": "snappy", "gzip": "gzip", "zstd": "zstd"}
TEXT_COMPRESSIONS = {"none": "", "gzip": ".gz", "zstd": ".zst"}


class TransformError(Exception):
    """What people are to be told: what failed, and what to do."""


@dataclass(frozen=True)
class Source:
    """How the files of an input are read."""

    format: str
    columns: Mapping[str, str] = field(default_factory=dict)
    header: bool = True
    delimiter: str | None = None
    null: str = ""
    pattern: str | None = None
    partitions: bool = False
    includes: Sequence[str] = ()
    excludes: Sequence[str] = ("**/_*", "**/.*")


@dataclass(frozen=True)
class Target:
    """How the result is written."""

    format: str = "parquet"
    compression: str | None = None
    partition_by: Sequence[str] = ()
    filename: str = "part-{lot}"
    header: bool = True
    delimiter: str | None = None


@dataclass(frozen=True)
class Params:
    """The params of the workload."""

    sql: str | None
    source: Source
    sources: Mapping[str, Source]
    target: Target
    to: str


def parse_params(given: Mapping[str, Any]) -> Params:
    """Reads the params, of which the blueprint's schema has checked the form."""
    common = dict(given.get("input", {}))
    return Params(
        sql=given.get("sql"),
        source=_source(common),
        sources={role: _source(common | own) for role, own in given.get("inputs", {}).items()},
        target=_target(given.get("output", {})),
        to=given.get("to", ""),
    )


def _source(given: Mapping[str, Any]) -> Source:
    source = Source(
        format=given.get("format", "parquet"),
        columns=given.get("columns", {}),
        header=given.get("header", True),
        delimiter=given.get("delimiter"),
        null=given.get("null", ""),
        pattern=given.get("pattern"),
        partitions=given.get("partitions", False),
        includes=tuple(given.get("includes", ())),
        excludes=tuple(given.get("excludes", Source.excludes)),
    )
    if source.format not in FORMATS:
        raise TransformError(f"input.format is {source.format!r}; want one of: {', '.join(FORMATS)}")
    if not source.header and not source.columns and source.format in ("csv", "tsv"):
        raise TransformError("input.header is false, so that nothing names the columns: name them in input.columns")
    if source.pattern is not None:
        groups(source.pattern)
    return source


def _target(given: Mapping[str, Any]) -> Target:
    target = Target(
        format=given.get("format", "parquet"),
        compression=given.get("compression"),
        partition_by=tuple(given.get("partitionBy", ())),
        filename=given.get("filename", Target.filename),
        header=given.get("header", True),
        delimiter=given.get("delimiter"),
    )
    if target.format not in FORMATS:
        raise TransformError(f"output.format is {target.format!r}; want one of: {', '.join(FORMATS)}")
    known = PARQUET_COMPRESSIONS if target.format == "parquet" else TEXT_COMPRESSIONS
    if target.compression is not None and target.compression not in known:
        raise TransformError(
            f"output.compression is {target.compression!r}, which {target.format} has not; want one of: {', '.join(known)}"
        )
    if not re.fullmatch(r"[A-Za-z0-9._={}-]+", target.filename) or "{" in target.filename.replace("{lot}", ""):
        raise TransformError(
            f"output.filename is {target.filename!r}; want letters, digits, '.', '_', '-' and '=', and {{lot}} where the lot is to be"
        )
    return target


def groups(pattern: str) -> list[str]:
    """The names of the groups of a pattern, which are the columns of a text."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise TransformError(f"input.pattern is no regular expression: {error}") from None
    if compiled.groups == 0 or compiled.groups != len(compiled.groupindex):
        raise TransformError("input.pattern: each of its groups is a column and needs a name, as in (?P<level>[A-Z]+)")
    return list(compiled.groupindex)
