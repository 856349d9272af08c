# SPDX-License-Identifier: Apache-2.0

"""Runs the SQL, and writes what it selects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb

from trunkline_transform.params import PARQUET_COMPRESSIONS, TEXT_COMPRESSIONS, Params, Target, TransformError
from trunkline_transform.reading import NO_DELIMITER, delimiter_of, relation
from trunkline_transform.sql import literal, name, select


def copy_options(target: Target) -> tuple[str, str]:
    """The options of COPY, and how its files end."""
    if target.format == "parquet":
        return f"FORMAT parquet, COMPRESSION {PARQUET_COMPRESSIONS[target.compression or 'zstd']}", "parquet"
    compression = target.compression or "none"
    ending = TEXT_COMPRESSIONS[compression]
    packed = f", COMPRESSION {compression}" if compression != "none" else ", COMPRESSION uncompressed"
    if target.format == "json":
        return f"FORMAT json{packed}", "json" + ending
    if target.format == "text":
        return f"FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER {literal(NO_DELIMITER)}{packed}", "txt" + ending
    first = "true" if target.header else "false"
    return f"FORMAT csv, HEADER {first}, DELIMITER {literal(delimiter_of(target.format, target.delimiter))}{packed}", target.format + ending


def run_sql(params: Params, tables: Mapping[str, Sequence[Path]], lot: Mapping[str, str], work: Path) -> int:
    """Writes the result to files below work/out, and returns how many rows it has."""
    out = work / "out"
    out.mkdir()
    with duckdb.connect() as db:
        db.execute(f"SET temp_directory = {literal(str(work / 'spill'))}")
        db.execute("SET TimeZone = 'UTC'")
        for key, value in lot.items():
            kind = "VARCHAR" if key == "lot" else "TIMESTAMP"
            db.execute(f"SET VARIABLE {key} = CAST({literal(value)} AS {kind})")
        # What is declared reads what the run reads, and nothing else of the machine.
        db.execute(f"SET allowed_directories = [{literal(str(work))}]")
        db.execute("SET enable_external_access = false")
        db.execute("SET lock_configuration = true")
        for role, files in tables.items():
            source = params.sources.get(role, params.source)
            if files:
                db.execute(f"CREATE TEMP VIEW {name(role)} AS {relation(db, source, files)}")
            elif source.columns:
                columns = ", ".join(f"{name(c)} {kind}" for c, kind in source.columns.items())
                db.execute(f"CREATE TEMP TABLE {name(role)} ({columns})")
            else:
                raise TransformError(f"{role} has no data, and its columns are not known: name them in inputs.{role}.columns")
        query = select(params.sql) if params.sql else f"SELECT * FROM {name(next(iter(tables)))}"
        options, ending = copy_options(params.target)
        if params.target.format == "text":
            query = one_line(db, query)
        stem = params.target.filename.replace("{lot}", lot.get("lot", "all"))
        if params.target.partition_by:
            columns = ", ".join(name(c) for c in params.target.partition_by)
            options += f", PARTITION_BY ({columns}), FILENAME_PATTERN {literal(stem + '-{i}')}, FILE_EXTENSION {literal(ending)}"
            path = out
        else:
            path = out / f"{stem}.{ending}"
        written = db.execute(f"COPY ({query}\n) TO {literal(str(path))} ({options})").fetchone()
    return int(written[0]) if written else 0


def one_line(db: duckdb.DuckDBPyConnection, query: str) -> str:
    """A query whose rows are the lines of a text: of one column, without line breaks in it."""
    columns = db.execute(f"DESCRIBE {query}").fetchall()
    if len(columns) != 1:
        raise TransformError(f"output.format is text, which has one column; sql has {len(columns)}")
    line = name(columns[0][0])
    return (
        f"SELECT CASE WHEN contains(CAST({line} AS VARCHAR), chr(10)) THEN error('a line of the text would have a line break: ' || "
        f"CAST({line} AS VARCHAR)[:200]) ELSE {line} END AS line FROM ({query}\n)"
    )


def told(error: Exception, work: Path, roles: Sequence[str]) -> str:
    """What failed, for people: what DuckDB says first, and in which file, without all of its settings."""
    text = str(error).strip()
    if isinstance(error, duckdb.Error):
        first, _, rest = text.partition("\n\n")
        file = re.search(r"^\s*file = (.+)$", rest, re.MULTILINE)
        text = first.partition("\nPossible fixes:")[0] + (f"\nfile: {file[1]}" if file else "")
    for i, role in enumerate(roles):
        text = text.replace(f"{work}/in/{i}/", f"{role}: ")
    return text
