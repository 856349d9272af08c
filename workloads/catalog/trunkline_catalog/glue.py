# SPDX-License-Identifier: Apache-2.0

"""Tables of AWS Glue, whose partitions are folders."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from trunkline_catalog.objects import Input, Partition, partitions_of
from trunkline_catalog.params import CatalogError, Table, Work

# How many partitions Glue accepts in a request.
CREATE, UPDATE, GET, DELETE = 100, 100, 1000, 25
# How often it is looked again at what there is, since others have changed it meanwhile.
TRIES = 10

Values = tuple[str, ...]
T = TypeVar("T")


@dataclass
class Changes:
    """What is to be done, and the partitions of the lots that are there already."""

    create: list[Partition] = field(default_factory=list)
    update: list[Partition] = field(default_factory=list)
    drop: list[Values] = field(default_factory=list)
    # Those that an earlier attempt at this lot added, and those that others did.
    own: list[Values] = field(default_factory=list)
    others: list[Values] = field(default_factory=list)

    @property
    def none(self) -> bool:
        """Whether there is nothing to do."""
        return not (self.create or self.update or self.drop)


def decide(
    wanted: Mapping[Values, Partition], former: Mapping[Values, str], there: Mapping[Values, Mapping[str, Any]], given: Input, work: Work
) -> Changes:
    """Decides what is done. A partition in the folder of another lot is that lot's, and an error."""
    out = Changes()
    for values, one in wanted.items():
        have = there.get(values)
        if have is None:
            out.create.append(one)
            continue
        at, marks = location_of(have), have.get("Parameters") or {}
        if at == one.location:
            mine = all(marks.get(k) == v for k, v in work.by.items() if k != "trunkline.attempt")
            (out.own if mine else out.others).append(values)
        elif given.had(at) or former.get(values) == at:
            out.update.append(one)
        else:
            raise CatalogError(
                f"the partition {'/'.join(values)} of {work.table} is in {at}, which is not of the lot {one.lot or 'that is read'}, and a "
                f"partition is in one folder: partition the table by lot, too, or remove the partition if it should be in {one.location}"
            )
    for values, location in former.items():
        have = there.get(values)
        if values not in wanted and have is not None and location_of(have) == location:
            out.drop.append(values)
    return out


def location_of(partition: Mapping[str, Any]) -> str:
    """Where a partition of Glue is, with "/" at its end."""
    at = str((partition.get("StorageDescriptor") or {}).get("Location") or "").rstrip("/") + "/"
    return "s3://" + at.partition("://")[2] if at.startswith(("s3a://", "s3n://")) else at


class Glue:
    """A table of Glue."""

    def __init__(self, table: Table, client: Any | None = None) -> None:
        self.table = table
        config = Config(retries={"mode": "standard", "max_attempts": 10})
        self.client = client or boto3.client("glue", config=config)
        self.of = {"DatabaseName": table.names[0], "TableName": table.names[1]} | ({"CatalogId": table.catalog} if table.catalog else {})

    def describe(self) -> tuple[list[str], Mapping[str, Any]]:
        """The columns that it is partitioned by, and how its data are stored."""
        asked = {k: v for k, v in self.of.items() if k != "TableName"} | {"Name": self.table.names[1]}
        try:
            found = self.client.get_table(**asked)["Table"]
        except self.client.exceptions.EntityNotFoundException:
            raise CatalogError(f"there is no table {self.table}: make it, with its columns and its partition keys") from None
        keys = [str(k["Name"]) for k in found.get("PartitionKeys") or []]
        if not keys:
            raise CatalogError(f"the table {self.table} is partitioned by nothing, so that no partition can be added to it")
        return keys, found.get("StorageDescriptor") or {}

    def get(self, wanted: Sequence[Values]) -> dict[Values, Mapping[str, Any]]:
        """Those of some partitions that are there."""
        out: dict[Values, Mapping[str, Any]] = {}
        for batch in batches(wanted, GET):
            left: Any = [{"Values": list(v)} for v in batch]
            while left:
                answer = self.client.batch_get_partition(**self.of, PartitionsToGet=left)
                out |= {tuple(p["Values"]): p for p in answer.get("Partitions") or []}
                before, left = left, answer.get("UnprocessedKeys")
                if left and len(left) == len(before):
                    raise CatalogError(f"Glue does not say which partitions {self.table} has: it leaves all of a request unprocessed")
        return out

    def below(self, prefixes: tuple[str, ...]) -> dict[Values, str]:
        """The partitions whose folders lie below some."""
        out: dict[Values, str] = {}
        for page in self.client.get_paginator("get_partitions").paginate(**self.of, ExcludeColumnSchema=True):
            for p in page["Partitions"]:
                if (at := location_of(p)).startswith(prefixes):
                    out[tuple(p["Values"])] = at
        return out

    def apply(self, changes: Changes, stored: Mapping[str, Any], work: Work) -> bool:
        """Does it, in batches. It returns false if others have changed the table meanwhile: then it is looked at again."""

        def described(p: Partition) -> dict[str, Any]:
            marks = dict(work.by) | ({"trunkline.read": p.lot} if p.lot else {})
            return {"Values": list(p.values), "StorageDescriptor": dict(stored) | {"Location": p.location}, "Parameters": marks}

        ok = True
        for batch in batches(changes.create, CREATE):
            answer = self.client.batch_create_partition(**self.of, PartitionInputList=[described(p) for p in batch])
            ok = self.settled(answer, "AlreadyExistsException") and ok
        for batch in batches(changes.update, UPDATE):
            entries = [{"PartitionValueList": list(p.values), "PartitionInput": described(p)} for p in batch]
            ok = self.settled(self.client.batch_update_partition(**self.of, Entries=entries), "EntityNotFoundException") and ok
        for gone in batches(changes.drop, DELETE):
            answer = self.client.batch_delete_partition(**self.of, PartitionsToDelete=[{"Values": list(v)} for v in gone])
            self.settled(answer, "EntityNotFoundException")
        return ok

    def settled(self, answer: Mapping[str, Any], tolerated: str) -> bool:
        """Whether no partition failed; one that failed for another reason than a tolerated one is an error."""
        errors = answer.get("Errors") or []
        for e in errors:
            detail = e.get("ErrorDetail") or {}
            if detail.get("ErrorCode") != tolerated:
                values = e.get("PartitionValues") or e.get("PartitionValueList") or []
                why = detail.get("ErrorMessage") or detail.get("ErrorCode")
                raise CatalogError(f"{self.table}, the partition {'/'.join(values)}: {why}")
        return not errors


def batches(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Parts of a list that are not longer than a size."""
    for i in range(0, len(items), size):
        yield items[i : i + size]


def add_partitions(given: Input, work: Work, client: Any | None = None) -> tuple[list[str], str]:
    """Adds partitions, and returns the addresses of what was added, and what was done, for people."""
    glue = Glue(work.table, client)
    try:
        keys, stored = glue.describe()
        wanted = partitions_of(given.now, keys, work.params)
        for _ in range(TRIES):
            former = glue.below(given.prefixes) if given.prefixes else {}  # all that there are, which is read only for what is not listed
            former |= {v: p.location for v, p in former_of(given, keys, work).items()}
            there = glue.get(list(dict.fromkeys([*wanted, *former])))
            changes = decide(wanted, former, there, given, work)
            if changes.none or glue.apply(changes, stored, work):
                return results(changes, work), told(changes)
    except (ClientError, BotoCoreError) as error:
        raise CatalogError(f"{work.table}: {error}") from error
    raise CatalogError(f"{work.table}: others change the same partitions all the time; it was tried {TRIES} times")


def former_of(given: Input, keys: Sequence[str], work: Work) -> dict[Values, Partition]:
    """The partitions in which the lots had data before. What fits the table no more was never in it."""
    out: dict[Values, Partition] = {}
    for o in given.former:
        if o.prefix:
            continue
        try:
            out |= partitions_of([o], keys, work.params)
        except CatalogError:
            continue
    return out


def results(changes: Changes, work: Work) -> list[str]:
    """The addresses of what the manifest lists."""
    if work.params.results == "none":
        return []
    added = [p.values for p in (*changes.create, *changes.update)] + changes.own
    listed = added + (changes.others if work.params.results == "all" else [])
    return [f"{work.table}/" + "/".join(segment(v) for v in values) for values in sorted(listed)]


def segment(value: str) -> str:
    """A value as a part of an address. What a folder's name cannot have is written as Hive does it, and that as a URI does."""
    return quote(quote(value, safe=" !$&'()*+,;=:@-._~") if "/" in value or "%" in value or "\\" in value else value, safe="=:@,;+-._~")


def told(changes: Changes) -> str:
    """What was done, for people."""
    there = len(changes.own) + len(changes.others)
    return f"{len(changes.create)} partitions added, {len(changes.update)} changed, {len(changes.drop)} dropped, {there} as they were"
