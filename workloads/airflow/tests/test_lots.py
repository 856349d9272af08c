# SPDX-License-Identifier: Apache-2.0
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from trunkline_airflow.lots import lot_of, lots_of, lots_of_run

UTC = timezone.utc


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("unit", "time", "want"),
    [
        ("Twelfths", "2023-02-06T23:50:00", "20230206PT5M286"),
        ("Sixths", "2023-02-06T00:19:59", "20230206PT10M001"),
        ("Fourths", "2023-02-06T23:45:00", "20230206PT15M095"),
        ("hourly", "2023-02-06T23:59:59", "20230206PT1H023"),
        ("daily", "2023-02-06T12:00:00", "20230206P1D000"),
    ],
)
def test_ids(unit, time, want):
    assert lot_of(unit, at(time)) == want


def test_an_id_is_in_utc():
    east = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    assert lot_of("hourly", east) == "20251231PT1H022"
    with pytest.raises(ValueError, match="no time zone"):
        lot_of("hourly", datetime(2026, 1, 1))  # noqa: DTZ001 # that is the test


@pytest.mark.parametrize(
    ("reason", "unit", "start", "end", "want"),
    [
        (
            "an interval is its lots",
            "hourly",
            "2026-01-01T22:00",
            "2026-01-02T01:00",
            ["20260101PT1H022", "20260101PT1H023", "20260102PT1H000"],
        ),
        ("a short one is in a lot", "daily", "2026-01-01T22:00", "2026-01-01T23:00", ["20260101P1D000"]),
        ("one that begins within a lot has it", "hourly", "2026-01-01T22:30", "2026-01-01T23:30", ["20260101PT1H022", "20260101PT1H023"]),
        ("its end is none of it", "hourly", "2026-01-01T22:30", "2026-01-01T23:00", ["20260101PT1H022"]),
        ("without length it is the lot that ended", "hourly", "2026-01-01T10:00", "2026-01-01T10:00", ["20260101PT1H009"]),
        ("at any time", "hourly", "2026-01-01T10:30", "2026-01-01T10:30", ["20260101PT1H009"]),
    ],
)
def test_lots_of_intervals(reason, unit, start, end, want):
    assert lots_of(unit, at(start), at(end)) == want, reason


def test_too_many():
    with pytest.raises(ValueError, match="more than 400 lots"):
        lots_of("Twelfths", at("2026-01-01"), at("2026-01-03"))


def test_lots_of_runs():
    day = {"data_interval_start": at("2026-01-01"), "data_interval_end": at("2026-01-02")}
    events = {
        SimpleNamespace(uri="trunkline://orders/clean@1", name="b").uri: [],
    }
    assert lots_of_run("daily", "orders/clean@1", {**day, "triggering_asset_events": events}) == ["20260101P1D000"]

    class Asset:
        uri = "trunkline://orders/clean@1"

    class Other:
        uri = "trunkline://orders/raw@1"

    def event(lot):
        return SimpleNamespace(extra={"lot": lot})

    told = {Other(): [event("20260105PT1H000")], Asset(): [event("20260103PT1H001"), event("20260103PT1H000"), event("20260103PT1H001")]}
    assert lots_of_run("hourly", "orders/clean@1", {**day, "triggering_asset_events": told}) == ["20260103PT1H000", "20260103PT1H001"]
    with pytest.raises(ValueError, match="say which lot"):
        lots_of_run("hourly", "orders/clean@1", {})
