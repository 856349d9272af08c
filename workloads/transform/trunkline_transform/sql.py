# SPDX-License-Identifier: Apache-2.0

"""Texts and names in SQL."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import duckdb

from trunkline_transform.params import TransformError


def literal(text: str) -> str:
    """A text in SQL."""
    return "'" + text.replace("'", "''") + "'"


def name(text: str) -> str:
    """A name in SQL."""
    return '"' + text.replace('"', '""') + '"'


def struct(fields: Mapping[str, str]) -> str:
    """A map of names to texts in SQL."""
    return "{" + ", ".join(f"{literal(k)}: {literal(v)}" for k, v in fields.items()) + "}"


def unglobbed(path: Path) -> str:
    """A path in which nothing stands for something else."""
    return re.sub(r"[*?\[]", r"[\g<0>]", str(path))


def select(sql: str) -> str:
    """The one SELECT that sql is."""
    try:
        statements = duckdb.extract_statements(sql)
    except duckdb.Error as error:
        raise TransformError(f"sql: {error}") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise TransformError("sql: want one SELECT, and nothing else")
    return statements[0].query.strip().rstrip(";")
