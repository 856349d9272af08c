# SPDX-License-Identifier: Apache-2.0

"""The params of the workload, and the addresses of tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREVIEWS = "trunkline-previews"
RESULTS = ("none", "all", "added")
COLUMN_TYPES = ("string", "int", "long", "date", "boolean")


class CatalogError(Exception):
    """What people are to be told: what failed, and what to do."""


@dataclass(frozen=True)
class Create:
    """How a table is made that is not there."""

    partitions: Mapping[str, str]
    location: str | None = None


@dataclass(frozen=True)
class Params:
    """The params of the workload."""

    source: str = ""
    to: str = ""
    named: bool = True
    delimiter: str = "="
    results: str = "added"
    includes: Sequence[str] = ()
    excludes: Sequence[str] = ("**/_*", "**/.*")
    create: Create | None = None


def parse_params(given: Mapping[str, Any]) -> Params:
    """Reads the params, of which the blueprint's schema has checked the form."""
    kind = given.get("partitionType", "named")
    if kind not in ("named", "value"):
        raise CatalogError(f"partitionType is {kind!r}; want one of: named, value")
    chosen, create = given.get("filter", {}), given.get("create")
    params = Params(
        source=given.get("from", ""),
        to=given.get("to", ""),
        named=kind == "named",
        delimiter=given.get("namedPartitionDelimiter", "="),
        results=given.get("partitionResults", "added"),
        includes=tuple(chosen.get("includes", ())),
        excludes=tuple(chosen.get("excludes", Params.excludes)),
        create=None if create is None else Create(dict(create.get("partitions", {})), create.get("location")),
    )
    if params.results not in RESULTS:
        raise CatalogError(f"partitionResults is {params.results!r}; want one of: {', '.join(RESULTS)}")
    if not params.delimiter:
        raise CatalogError("namedPartitionDelimiter is empty, and nothing would part names from values")
    for name, of in params.create.partitions.items() if params.create else ():
        if of not in COLUMN_TYPES:
            raise CatalogError(f"create.partitions.{name} is {of!r}; want one of: {', '.join(COLUMN_TYPES)}")
    return params


@dataclass(frozen=True)
class Table:
    """The address of a table."""

    scheme: str
    catalog: str
    names: Sequence[str]

    @property
    def preview(self) -> bool:
        """Whether it is what a preview has in place of the table."""
        return PREVIEWS in self.names

    def __str__(self) -> str:
        return f"{self.scheme}://{self.catalog}/{'/'.join(self.names)}"


def parse_table(address: str) -> Table:
    """Reads the address of a table, of which the platform has checked the form."""
    scheme, _, rest = address.partition("://")
    catalog, _, path = rest.rstrip("/").partition("/")
    names = path.split("/")
    if scheme not in ("glue", "iceberg") or len(names) < 2 or not all(names):  # noqa: PLR2004 # a database and a table
        raise CatalogError(
            f"what is written is {address}, which is no table: have the store of the dataset be a catalog, such as glue:/// or iceberg://name/"
        )
    return Table(scheme, catalog, names)


@dataclass(frozen=True)
class Work:
    """What there is to do."""

    table: Table
    params: Params
    # What snapshots and partitions say of where they come from: the workload, the lot that it makes and the attempt.
    by: Mapping[str, str]
