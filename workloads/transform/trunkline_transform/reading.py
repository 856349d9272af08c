# SPDX-License-Identifier: Apache-2.0

"""The SQL of tables that are read from files."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import duckdb

from trunkline_transform.params import Source, TransformError, groups
from trunkline_transform.sql import literal, name, struct, unglobbed

# Four bytes that no line of a text has: what separates columns where there is one only. And what stands for no text.
NO_DELIMITER = "\x01\x02\x03\x04"
NO_NULL = "\x05\x06\x07"
FILE_COLUMN = "filename = 'file'"


def relation(db: duckdb.DuckDBPyConnection, source: Source, files: Sequence[Path]) -> str:
    """The SQL of a table that is read from files."""
    options = listed(source, files)
    if source.format == "parquet":
        return f"SELECT * FROM read_parquet({', '.join([*options, 'union_by_name = true'])})"
    if source.format == "json":
        if source.columns:
            options.append(f"columns = {struct(source.columns)}")
        else:
            options += ["union_by_name = true", "sample_size = -1"]
        return f"SELECT * FROM read_json({', '.join(options)})"
    if source.format == "text":
        return text_relation(source, options)
    # Nothing is guessed: columns are told by their names, wherever they stand, and what has no declared type is text, in every lot.
    alike: dict[tuple[str, ...], list[Path]] = {}
    for file in files:
        columns = header(db, source, file) if source.header else list(source.columns)
        if columns:
            alike.setdefault(tuple(columns), []).append(file)
    if not alike:
        if not source.columns:
            raise TransformError("no file has a header, so that nothing names the columns: name them in input.columns")
        return f"SELECT {', '.join(f'CAST(NULL AS {kind}) AS {name(c)}' for c, kind in source.columns.items())} WHERE false"
    return " UNION ALL BY NAME ".join(csv_relation(source, columns, of) for columns, of in alike.items())


def listed(source: Source, files: Sequence[Path]) -> list[str]:
    """What every reader is told: the files, and whether their folders have columns."""
    paths = ", ".join(literal(unglobbed(f)) for f in files)
    if source.partitions:
        return [f"[{paths}]", "hive_partitioning = true", "hive_types_autocast = false"]
    return [f"[{paths}]", "hive_partitioning = false"]


def csv_relation(source: Source, columns: Sequence[str], files: Sequence[Path]) -> str:
    """The SQL of a table of files that have the same columns in the same order."""
    kinds = {c: source.columns.get(c, "VARCHAR") for c in columns}
    options = [
        *listed(source, files),
        "auto_detect = false",
        f"delim = {literal(delimiter_of(source.format, source.delimiter))}",
        "quote = '\"'",
        "escape = '\"'",
        f"nullstr = {literal(source.null)}",
        f"header = {'true' if source.header else 'false'}",
        f"columns = {struct(kinds)}",
    ]
    return f"SELECT * FROM read_csv({', '.join(options)})"


def delimiter_of(kind: str, given: str | None) -> str:
    """What separates columns."""
    return given or ("\t" if kind == "tsv" else ",")


def header(db: duckdb.DuckDBPyConnection, source: Source, file: Path) -> list[str]:
    """The columns of a file; none if it is empty."""
    row = db.execute(f"SELECT line FROM read_csv({', '.join(lines_of([f'[{literal(unglobbed(file))}]']))}) LIMIT 1").fetchone()
    if row is None or row[0] is None:
        return []
    columns = next(csv.reader([row[0].removeprefix("\ufeff")], delimiter=delimiter_of(source.format, source.delimiter)), [])
    missing = [c for c in source.columns if c not in columns]
    if missing:
        raise TransformError(f"{file} has no column {', '.join(missing)}; its header is: {', '.join(columns)}")
    if "" in columns or len(set(columns)) != len(columns):
        raise TransformError(f"{file}: its header names a column twice, or not at all: {', '.join(columns)}")
    return columns


def lines_of(options: Sequence[str]) -> list[str]:
    """What read_csv is told so that each line is one text."""
    return [
        *options,
        "auto_detect = false",
        f"delim = {literal(NO_DELIMITER)}",
        "quote = ''",
        "escape = ''",
        f"nullstr = {literal(NO_NULL)}",
        "header = false",
        "columns = {'line': 'VARCHAR'}",
    ]


def text_relation(source: Source, options: Sequence[str]) -> str:
    """The SQL of a table of lines, or of what a pattern finds in them."""
    lines = f"read_csv({', '.join(lines_of([*options, FILE_COLUMN]))})"
    if source.pattern is None:
        return f"SELECT * EXCLUDE (file) FROM {lines}"
    pattern, columns = literal(source.pattern), groups(source.pattern)
    found = ", ".join(
        f"CAST(found[{literal(c)}] AS {source.columns[c]}) AS {name(c)}" if c in source.columns else f"found[{literal(c)}] AS {name(c)}"
        for c in columns
    )
    # In the condition, so that a line that is none is an error whichever columns are used.
    checked = (
        f"CASE WHEN regexp_full_match(line, {pattern}) THEN true "
        "ELSE error('the pattern does not match the line ' || line[:200] || ' of ' || file) END"
    )
    listed = ", ".join(literal(c) for c in columns)
    return f"SELECT {found} FROM (SELECT regexp_extract(line, {pattern}, [{listed}]) AS found FROM {lines} WHERE {checked})"
