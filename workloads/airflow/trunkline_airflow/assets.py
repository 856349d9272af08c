# SPDX-License-Identifier: Apache-2.0
"""Datasets as assets of Airflow, and lots as events of them.

A version of a dataset is the asset ``trunkline://PROJECT/NAME@VERSION``. Trunkline makes an event of it for each lot that is available, and
a task that has it as an outlet makes lots by an event, whose extra says which, and what of them there is::

    clean = dataset("orders/clean@1")

    @task(outlets=[clean])
    def make() -> None:
        with lot_output(clean, "20260102P1D000") as out:
            write(out.folder + "part-0.parquet")

The event is read by Trunkline, which writes the manifest of the lot once it has found that what the event says is there and may be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from airflow.sdk import Asset, get_current_context

from trunkline_airflow.context import project
from trunkline_airflow.lots import lots_in

__all__ = ["Output", "dataset", "dataset_of", "lot_output", "lots_in", "publish", "uri_of"]

SCHEME = "trunkline://"
_NAME = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_DATASET = re.compile(rf"{_NAME}/{_NAME}@[a-zA-Z0-9](?:[a-zA-Z0-9._-]{{0,30}}[a-zA-Z0-9])?")
_LOT = re.compile(r"\d{8}(?:PT15M|PT10M|PT5M|PT1H|P1D)\d{3}")


def uri_of(dataset_id: str) -> str:
    """Return the address of the asset that a dataset is, by its id, such as ``orders/clean@1``."""
    if not _DATASET.fullmatch(dataset_id):
        raise ValueError(f'{dataset_id!r} is not the id of a dataset: write "project/name@version"')
    return SCHEME + dataset_id


def dataset_of(uri: str) -> str | None:
    """Return the id of the dataset that an asset is, by its address, or None for an asset that is none."""
    if not uri.lower().startswith(SCHEME):
        return None
    dataset_id = uri[len(SCHEME) :]
    if not uri.startswith(SCHEME) or not _DATASET.fullmatch(dataset_id):
        raise ValueError(f"{uri!r} is not the address of a dataset, such as trunkline://orders/clean@1")
    return dataset_id


def dataset(id: str) -> Asset:  # noqa: A002 # it is the id of a dataset, by which Trunkline reads DAG files, too
    """Return the asset that a dataset is: what a DAG is scheduled on, or a task has as inlet or outlet."""
    uri = uri_of(id)
    return Asset(name=uri, uri=uri)


def publish(
    of: Asset | str,
    lot: str,
    files: Iterable[str] | None = None,
    *,
    uris: Iterable[str] | None = None,
    comment: str = "",
    context: Mapping[str, Any] | None = None,
) -> None:
    """Have the event of an outlet say that a lot is made, once the task succeeds.

    ``files`` are paths in the location of the dataset, and ``uris`` whole addresses; one that ends in ``/`` is a folder with all that is in
    it.
    Without any the lot is empty, which an empty list has to say. A task may say several lots: if one of them is wrong, none counts.
    """
    asset = dataset(of) if isinstance(of, str) else of
    if not _LOT.fullmatch(lot):
        raise ValueError(f'{lot!r} is not the id of a lot, such as "20260102P1D000"')
    if files is None and uris is None:
        raise ValueError(f"say which files the lot {lot} has: an empty list if it has none")
    said: dict[str, Any] = {"lot": lot}
    if files is not None:
        said["files"] = list(files)
    if uris is not None:
        said["uris"] = list(uris)
    if comment:
        said["comment"] = comment
    extra = (context if context is not None else get_current_context())["outlet_events"][asset].extra
    before: Any = extra.get("lots", [])
    extra["lots"] = [*(other for other in before if other["lot"] != lot), said]


@dataclass
class Output:
    """Where a task puts the data of a lot: in a folder that is of this try of the task alone."""

    lot: str
    folder: str
    """Its address, which ends in a slash. On a disk, the task makes it."""
    files: list[str] = field(default_factory=list)
    """Addresses of what counts, if that is not all in the folder."""
    empty: bool = False
    """Whether there are no data of the lot."""


@contextmanager
def lot_output(of: Asset | str, lot: str, *, context: Mapping[str, Any] | None = None) -> Iterator[Output]:
    """Give a folder for the data of a lot, and say that it is made unless something was raised.

    The folder is that of an attempt, as runs of Trunkline's own have it: who tries again writes beside, and what failed counts for nothing.
    """
    asset = dataset(of) if isinstance(of, str) else of
    dataset_id = dataset_of(asset.uri)
    if dataset_id is None:
        raise ValueError(f"{asset.uri} is no dataset: take what trunkline_airflow.assets.dataset returns")
    if not _LOT.fullmatch(lot):
        raise ValueError(f'{lot!r} is not the id of a lot, such as "20260102P1D000"')
    given = context if context is not None else get_current_context()
    place = project().dataset(dataset_id).write.rstrip("/")
    out = Output(lot, f"{place}/lot={lot}/attempt={attempt_of(given)}/")
    yield out
    publish(asset, lot, uris=[] if out.empty else out.files or [out.folder], context=given)


def attempt_of(context: Mapping[str, Any]) -> str:
    """Return what a try of a task is called: no other try, of it or of another task, is called so."""
    return "t" + re.sub(r"[^0-9a-f]", "", str(context["ti"].id))[-15:]
