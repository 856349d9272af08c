# SPDX-License-Identifier: Apache-2.0

"""Tables of Iceberg, which list their files."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.catalog import Catalog, load_catalog
from pyiceberg.exceptions import (
    CommitFailedException,
    CommitStateUnknownException,
    NoSuchNamespaceError,
    NoSuchTableError,
    RESTError,
    ServerError,
    TableAlreadyExistsError,
)
from pyiceberg.expressions.literals import StringLiteral
from pyiceberg.io import load_file_io
from pyiceberg.io.pyarrow import parquet_file_to_data_file, pyarrow_to_schema
from pyiceberg.manifest import DataFile, ManifestContent, ManifestEntryStatus
from pyiceberg.partitioning import PartitionField
from pyiceberg.schema import Schema
from pyiceberg.table import Table, TableProperties
from pyiceberg.table.snapshots import Operation
from pyiceberg.transforms import IdentityTransform
from pyiceberg.utils.config import Config

from trunkline_catalog.objects import LOT, Input, Object, folder_values
from trunkline_catalog.params import CatalogError, Create, Work

# What the summaries of snapshots have that are of Trunkline.
MARK = "trunkline.attempt"

# How often a commit is tried, since others have changed the table meanwhile, and the seconds between two tries at most. Of N that
# commit at once one succeeds each time.
TRIES = 30
LONGEST_WAIT = 5.0
ARROW_TYPES = {"string": pa.string(), "int": pa.int32(), "long": pa.int64(), "date": pa.date32(), "boolean": pa.bool_()}


@dataclass(frozen=True)
class Listed:
    """A file of the table, and the snapshot that added it."""

    file: DataFile
    snapshot: int | None


def open_catalog(name: str, env: Mapping[str, str]) -> Catalog:
    """The catalog that the client of Iceberg calls so, by its own configuration."""
    own = Config().get_catalog_config(name) or {}
    if not own:
        raise CatalogError(
            f"no catalog is called {name!r} here: set PYICEBERG_CATALOG__{name.upper()}__URI in env of the workload, "
            f"and what its server asks for, such as PYICEBERG_CATALOG__{name.upper()}__TOKEN, in secrets"
        )
    endpoint = env.get("AWS_ENDPOINT_URL_S3") or env.get("AWS_ENDPOINT_URL")
    more = {}
    if endpoint and "s3.endpoint" not in own:
        # AWS is asked where a bucket is, which no other store can be.
        more = {"s3.endpoint": endpoint, "s3.region": env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"}
    return load_catalog(name, **{k: str(v) for k, v in own.items()}, **more)


def files_of(table: Table) -> dict[str, Listed]:
    """The files of a table, by their addresses."""
    snapshot = table.current_snapshot()
    out: dict[str, Listed] = {}
    for manifest in snapshot.manifests(table.io) if snapshot else []:
        if manifest.content != ManifestContent.DATA:
            continue
        for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=True):
            out[entry.data_file.file_path] = Listed(entry.data_file, entry.snapshot_id)
    return out


def add_files(given: Input, work: Work, env: Mapping[str, str] | None = None) -> tuple[list[str], str]:
    """Adds files, and returns the addresses of the snapshots that have them, and what was done, for people."""
    odd = [o.address for o in given.now if "?" in o.address or "#" in o.address]
    if odd:
        raise CatalogError(f"{odd[0]}: readers of Iceberg take what begins with '?' or '#' for no part of its name: call it otherwise")
    try:
        catalog = open_catalog(work.table.catalog, os.environ if env is None else env)
        for i in range(TRIES):
            if i:
                time.sleep(random.uniform(0, min(LONGEST_WAIT, 0.1 * 2**i)))  # noqa: S311 # it is no secret
            try:
                table = open_table(catalog, given, work)
                if table is None:
                    return [], "there is no table, and nothing that would be in it"
                return commit(table, given, work)
            except (CommitFailedException, CommitStateUnknownException, TableAlreadyExistsError):
                continue  # whether it was committed is seen in the table
            except ServerError:
                if i + 1 == TRIES:
                    raise
    except (RESTError, OSError, ValueError) as error:
        raise CatalogError(f"{work.table}: {error}") from error
    raise CatalogError(f"{work.table}: others change it all the time; it was tried {TRIES} times")


def commit(table: Table, given: Input, work: Work) -> tuple[list[str], str]:
    """Has the table have the files of the lots, and no other ones of theirs, in one snapshot. A table that does already stays as it is."""
    have = files_of(table)
    wanted = {o.address: o for o in given.now}
    missing = [o for address, o in wanted.items() if address not in have]
    compacted = compacted_of(table, given)
    gone = [listed.file for address, listed in have.items() if address not in wanted and (given.had(address) or compacted(listed.file))]
    refuse_rewritten(table, have, lambda address: address in wanted or given.had(address), work)
    snapshots = {listed.snapshot for address, listed in have.items() if address in wanted and listed.snapshot}
    if missing or gone:
        snapshots.add(write(table, missing, gone, work))
    kept = len(wanted) - len(missing)
    listed = [] if work.params.results == "none" or not wanted else sorted(f"{work.table}/snapshot={s}" for s in snapshots)
    return listed, f"{len(missing)} files added, {len(gone)} removed, {kept} as they were"


def compacted_of(table: Table, given: Input) -> Callable[[DataFile], bool]:
    """Whether a file has the rows of the lots, and of no other, since engines have put their files together.

    It is one of the table's own, in a partition of one of the lots.
    """
    spec, schema = table.spec(), table.schema()
    at = next((i for i, f in enumerate(spec.fields) if by_lot(f, schema)), None)
    lots = {folder.rstrip("/").rpartition(f"{LOT}=")[2] for folder in given.folders}
    own = table.location().rstrip("/") + "/"
    return lambda file: at is not None and file.spec_id == spec.spec_id and file.partition[at] in lots and file.file_path.startswith(own)


def by_lot(field: PartitionField, schema: Schema) -> bool:
    """Whether a table is partitioned by the lot."""
    return isinstance(field.transform, IdentityTransform) and schema.find_column_name(field.source_id) == LOT


def refuse_rewritten(table: Table, have: Mapping[str, Listed], ours: Callable[[str], bool], work: Work) -> None:
    """Refuses a lot whose files others have rewritten, as compaction does, so that its rows are among those of other lots now.

    Adding it again would have them there twice.
    """
    if any(by_lot(f, table.schema()) for f in table.spec().fields):
        return
    for snapshot in table.metadata.snapshots:
        summary = snapshot.summary
        if summary is None or summary.operation not in (Operation.REPLACE, Operation.OVERWRITE) or MARK in summary.additional_properties:
            continue
        for manifest in snapshot.manifests(table.io):
            if manifest.added_snapshot_id != snapshot.snapshot_id or not manifest.deleted_files_count:
                continue
            for entry in manifest.fetch_manifest_entry(table.io, discard_deleted=False):
                address = entry.data_file.file_path
                if entry.status == ManifestEntryStatus.DELETED and address not in have and ours(address):
                    raise CatalogError(
                        f"{work.table}: the snapshot {snapshot.snapshot_id}, which is not of Trunkline, has rewritten {address}, "
                        "and its rows are among those of other lots now: delete those of the lot, expire that snapshot, "
                        "and partition the table by lot if it is to be compacted"
                    )


def write(table: Table, missing: Sequence[Object], gone: Iterable[DataFile], work: Work) -> int:
    """Commits a snapshot, and returns its id."""
    files = [data_file(table, o) for o in missing]
    # The client would try again by itself, without looking whether another one has added the same meanwhile.
    kept = table.metadata.properties
    table.metadata = table.metadata.model_copy(update={"properties": kept | {TableProperties.COMMIT_NUM_RETRIES: "0"}})
    gone = list(gone)
    with table.transaction() as transaction:
        if table.metadata.name_mapping() is None:
            # The columns of files that were not written for the table are found by their names.
            transaction.set_properties({TableProperties.DEFAULT_NAME_MAPPING: table.schema().name_mapping.model_dump_json()})
        update = transaction.update_snapshot(snapshot_properties=dict(work.by))
        with update.overwrite() if gone else update.fast_append() as snapshot:
            for file in gone:
                snapshot.delete_data_file(file)
            for file in files:
                snapshot.append_data_file(file)
        return snapshot.snapshot_id


def data_file(table: Table, o: Object) -> DataFile:
    """What the table says of a file: statistics of what is in it, and the partition that it is in."""
    try:
        arrow = read_schema(table, o.address)
        check_ids(table.schema(), arrow)
        file = parquet_file_to_data_file(io=table.io, table_metadata=table.metadata, file_path=o.address)
    except (ValueError, TypeError, NotImplementedError, OSError, pa.ArrowException) as error:
        raise CatalogError(f"{o.address} does not fit the table: {str(error).strip()}") from error
    schema, values = table.schema(), folder_values(o)
    columns = set(arrow.names)
    for i, field in enumerate(table.spec().fields):
        source = schema.find_field(field.source_id)
        column = schema.find_column_name(field.source_id) or source.name
        if column.partition(".")[0] in columns:
            continue
        if column.lower() not in values:
            raise CatalogError(
                f"{o.address}: the table is partitioned by {column}, which neither the file has nor a folder such as {column}=…"
            )
        text = values[column.lower()]
        try:
            value = None if text is None else StringLiteral(text).to(source.field_type).value
            file.partition[i] = field.transform.transform(source.field_type)(value)
        except (ValueError, TypeError) as error:
            raise CatalogError(f"{o.address}: {column} is {text!r}, which is no {source.field_type}: {error}") from error
    return file


def read_schema(table: Table, address: str) -> pa.Schema:
    """The columns of a file."""
    with table.io.new_input(address).open() as stream:
        return pq.read_schema(stream)


def check_ids(schema: Schema, arrow: pa.Schema) -> None:
    """Refuses a file whose columns have numbers that are those of other columns in the table: readers would believe them."""
    if not any((f.metadata or {}).get(b"PARQUET:field_id") for f in arrow):
        return
    own = pyarrow_to_schema(arrow)
    for name in own.column_names:
        number, known = own.find_field(name).field_id, schema.find_field(name).field_id
        if number != known:
            raise ValueError(f"its column {name} has the number {number}, and in the table {known}")


def open_table(catalog: Catalog, given: Input, work: Work) -> Table | None:
    """The table. One that is not there is made where that is asked for, once there is something to be in it."""
    identifier = tuple(work.table.names)
    try:
        return catalog.load_table(identifier)
    except (NoSuchTableError, NoSuchNamespaceError):
        if work.params.create is None:
            raise CatalogError(f"there is no table {work.table}: make it, or have it made by its first lot with the param create") from None
    if not given.now:
        return None
    return make_table(catalog, identifier, given.now[0], work.params.create)


def make_table(catalog: Catalog, identifier: tuple[str, ...], first: Object, create: Create) -> Table:
    """Makes a table of the columns of a file, and of those that are folders."""
    catalog.create_namespace_if_not_exists(identifier[:-1])
    place: dict[str, Any] = {"location": create.location} if create.location else {}
    with load_file_io(catalog.properties, first.address).new_input(first.address).open() as stream:
        arrow = pq.read_schema(stream)
    columns = [pa.field(f.name, f.type, f.nullable) for f in arrow]
    columns += [pa.field(name, ARROW_TYPES[kind]) for name, kind in create.partitions.items() if name not in arrow.names]
    with catalog.create_table_transaction(identifier, pa.schema(columns), **place) as transaction, transaction.update_spec() as spec:
        for name in create.partitions:
            spec.add_identity(name)
    return catalog.load_table(identifier)
