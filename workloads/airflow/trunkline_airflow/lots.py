# SPDX-License-Identifier: Apache-2.0
"""Lots: the fixed intervals in UTC that datasets come in, and their ids, such as ``20260101PT1H023``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

UNITS: Mapping[str, tuple[str, int]] = {
    "Fourths": ("PT15M", 15 * 60),
    "Sixths": ("PT10M", 10 * 60),
    "Twelfths": ("PT5M", 5 * 60),
    "hourly": ("PT1H", 60 * 60),
    "daily": ("P1D", 24 * 60 * 60),
}
"""The units, as declarations have them: the code in an id, and the length in seconds."""

_MOST = 400
"""How many lots a task waits for at most: a day of the shortest, and more."""


def lot_of(unit: str, at: datetime) -> str:
    """Return the id of the lot that a time lies in. A time without a zone is refused."""
    code, seconds = UNITS[unit]
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    utc = at.astimezone(timezone.utc)
    number = (utc.hour * 3600 + utc.minute * 60 + utc.second) // seconds
    return f"{utc.year:04d}{utc.month:02d}{utc.day:02d}{code}{number:03d}"


def lots_of(unit: str, start: datetime, end: datetime) -> list[str]:
    """Return the lots that a data interval is made of: from its start on, and before its end.

    An interval within a lot is in that one. One without length is the time at which a run began, and stands for the last lot that had
    ended then: at 10:00 and at 10:30, that of 9 o'clock.
    """
    seconds = UNITS[unit][1]
    step = timedelta(seconds=seconds)
    if start >= end:
        return [lot_of(unit, start - step)]
    if (end - start).total_seconds() / seconds > _MOST:
        raise ValueError(f"the data interval from {start} to {end} has more than {_MOST} lots: say which are waited for")
    out, at = [], start
    while at < end:
        lot = lot_of(unit, at)
        if lot not in out:
            out.append(lot)
        at += step
    last = lot_of(unit, end - timedelta(microseconds=1))
    return out if last in out else [*out, last]


def lots_in(events: Iterable[Any]) -> list[str]:
    """Return the lots that events of a dataset's asset are about, those that Trunkline made and those of tasks, in order."""
    found: set[str] = set()
    for event in events:
        extra = event.extra or {}
        each = [extra, *(one for one in extra.get("lots") or [] if isinstance(one, Mapping))]
        found.update(one["lot"] for one in each if isinstance(one.get("lot"), str) and one["lot"])
    return sorted(found)


def lots_of_run(unit: str, dataset: str, context: Mapping[str, Any]) -> list[str]:
    """Return the lots that a run is for: those of the events of the dataset's asset that started it, or else those of its data interval.

    Raise ``ValueError`` if the run has neither.
    """
    found: list[str] = []
    for asset, events in (context.get("triggering_asset_events") or {}).items():
        if getattr(asset, "uri", "") != f"trunkline://{dataset}":
            continue
        found += [lot for lot in lots_in(events) if lot not in found]
    if found:
        return sorted(found)
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None:
        raise ValueError("the run has no data interval, and no event of the dataset started it: say which lot is waited for")
    return lots_of(unit, start, end)
