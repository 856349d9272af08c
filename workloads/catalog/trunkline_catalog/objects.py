# SPDX-License-Identifier: Apache-2.0

"""What is read, and which partitions it is in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from trunkline_catalog.params import CatalogError, Params

LOT = "lot"
HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Object:
    """An object, or all that begin like it."""

    lot: str
    folder: str
    key: str
    prefix: bool = False

    @property
    def root(self) -> str:
        """The address of where all data of its dataset are, which ends in "/"."""
        return self.folder.rstrip("/") + "/"

    @property
    def address(self) -> str:
        """Its address, as stores have it: nothing stands for another character."""
        return self.root + self.key

    @property
    def around(self) -> str:
        """Where all attempts at its lot write; empty if it does not lie there."""
        begin = f"lot={self.lot}/attempt="
        return f"{self.root}lot={self.lot}/" if self.lot and self.key.startswith(begin) else ""


def parse_objects(lines: str) -> list[Object]:
    """Reads what "lot list --json" prints."""
    found = []
    for line in lines.splitlines():
        one = json.loads(line)
        found.append(Object(one.get("lot", ""), one["folder"], one["key"], one.get("prefix", False)))
    return found


@dataclass(frozen=True)
class Input:
    """What is read: the objects of the lots now, what those lots had before, and the folders in which all attempts at them write."""

    now: Sequence[Object]
    former: Sequence[Object]
    folders: Sequence[str] = ()
    # The addresses of what lots had, and how the addresses of more begin.
    addresses: frozenset[str] = field(init=False)
    prefixes: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "addresses", frozenset(o.address for o in self.former if not o.prefix))
        object.__setattr__(self, "prefixes", tuple(o.address for o in self.former if o.prefix))

    def had(self, address: str) -> bool:
        """Whether an object is, or was, one of the lots that are read."""
        return address in self.addresses or address.startswith((*self.prefixes, *self.folders))


@dataclass(frozen=True)
class Partition:
    """A partition: its values, as folders have them, the folder that its data are in, and the lot of these."""

    values: tuple[str, ...]
    location: str
    lot: str


def partition_of(o: Object, keys: Sequence[str], params: Params) -> Partition:
    """The partition that an object is in, by its path."""
    parts = o.key.split("/")[:-1]
    layout = 2 if o.around else 0  # lot=ID/attempt=NAME/
    found: dict[str, tuple[str, int]] = {}
    if layout:
        found[LOT] = (o.lot, 0)
    wanted = [k.lower() for k in keys]
    if params.named:
        for i, part in enumerate(parts[layout:], layout):
            name, delimiter, value = part.partition(params.delimiter)
            if delimiter and name.lower() in wanted:
                if name.lower() in found:
                    raise CatalogError(f"{o.address}: two of its folders are called {name}")
                found[name.lower()] = (value, i)
    else:
        rest = [k for k in wanted if k not in found]
        for i, (key, part) in enumerate(zip(rest, parts[layout:], strict=False)):
            found[key] = (part, layout + i)
    missing = [k for k in wanted if k not in found]
    if missing:
        what = f'has no folder such as "{missing[0]}{params.delimiter}…"' if params.named else f"lies in no folder for {missing[0]}"
        raise CatalogError(f"{o.address} {what}, and the table is partitioned by {', '.join(keys)}")
    depth = max(layout, *(found[k][1] + 1 for k in wanted))
    return Partition(tuple(unquote(found[k][0]) for k in wanted), o.root + "".join(p + "/" for p in parts[:depth]), o.lot)


def partitions_of(objects: Iterable[Object], keys: Sequence[str], params: Params) -> dict[tuple[str, ...], Partition]:
    """The partitions that objects are in, by their values. Each has one folder, since that is all that a catalog can say of it."""
    out: dict[tuple[str, ...], Partition] = {}
    for o in objects:
        one = partition_of(o, keys, params)
        before = out.setdefault(one.values, one)
        if before.location != one.location:
            raise CatalogError(
                f"the partition {'/'.join(one.values)} would be in two folders, {before.location} and {one.location}: "
                "partition the table by lot, too, or by all folders that there are"
            )
    return out


def folder_values(o: Object) -> dict[str, str | None]:
    """The values of columns that are in the folders of an object, as in "day=2026-01-01", by name in small letters."""
    out: dict[str, str | None] = {}
    for part in o.key.split("/")[:-1]:
        name, delimiter, value = part.partition("=")
        if delimiter:
            out[name.lower()] = None if value == HIVE_NULL else unquote(value)
    return out
