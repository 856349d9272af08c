# SPDX-License-Identifier: Apache-2.0
from types import SimpleNamespace

import pytest

from trunkline_airflow import assets
from trunkline_airflow.lots import lots_in


def context():
    extra = {}
    accessor = SimpleNamespace(extra=extra)
    return {"outlet_events": {assets.dataset("orders/clean@1"): accessor}, "ti": SimpleNamespace(id="019ab-cd-0123-4567-89ab")}, extra


@pytest.mark.parametrize("name", ["orders/clean@1", "a/b@v1.2-rc_3", "0-0/9@A"])
def test_an_asset_is_a_dataset(name):
    made = assets.dataset(name)
    assert made.uri == made.name == f"trunkline://{name}"
    assert assets.dataset_of(made.uri) == name


@pytest.mark.parametrize(
    "name",
    ["", "clean@1", "orders/clean", "orders/a/clean@1", "orders/clean@1/", "orders/clean@1?x=1", "Orders/clean@1", "orders/clean@1\n"],
)
def test_what_is_none_is_refused(name):
    with pytest.raises(ValueError, match="is not the id"):
        assets.dataset(name)
    with pytest.raises(ValueError, match="is not the address"):
        assets.dataset_of("trunkline://" + name)


def test_other_assets_are_none():
    assert assets.dataset_of("s3://bucket/orders") is None


def test_several_lots_are_said_once_each():
    given, extra = context()
    assets.publish("orders/clean@1", "20260101P1D000", ["a"], context=given)
    assets.publish("orders/clean@1", "20260102P1D000", [], context=given)
    assets.publish("orders/clean@1", "20260101P1D000", ["b"], comment="again", context=given)
    assert extra == {"lots": [{"lot": "20260102P1D000", "files": []}, {"lot": "20260101P1D000", "files": ["b"], "comment": "again"}]}


@pytest.mark.parametrize(
    ("lot", "files", "why"), [("2026-01-01", [], "is not the id of a lot"), ("20260101P1D000", None, "an empty list if it has none")]
)
def test_what_cannot_be_said(lot, files, why):
    given, extra = context()
    with pytest.raises(ValueError, match=why):
        assets.publish("orders/clean@1", lot, files, context=given)
    assert extra == {}


def test_an_output_is_a_folder_of_its_own(orders):
    given, extra = context()
    place = orders.dataset("orders/clean@1").write.rstrip("/")
    with assets.lot_output("orders/clean@1", "20260101P1D000", context=given) as out:
        assert out.folder == f"{place}/lot=20260101P1D000/attempt=tbcd0123456789ab/"
    assert extra == {"lots": [{"lot": "20260101P1D000", "uris": [out.folder]}]}
    with assets.lot_output("orders/clean@1", "20260101P1D000", context=given) as out:
        out.empty = True
    assert extra == {"lots": [{"lot": "20260101P1D000", "uris": []}]}


def test_what_fails_says_nothing(orders):
    given, extra = context()
    with pytest.raises(RuntimeError), assets.lot_output("orders/clean@1", "20260101P1D000", context=given):
        raise RuntimeError
    assert extra == {}


def test_events_say_lots():
    events = [
        SimpleNamespace(extra={"lot": "20260102P1D000", "state": "complete"}),
        SimpleNamespace(extra={"lots": [{"lot": "20260101P1D000"}, {"lot": "20260102P1D000"}, "x"]}),
        SimpleNamespace(extra=None),
        SimpleNamespace(extra={"lot": 3}),
    ]
    assert lots_in(events) == ["20260101P1D000", "20260102P1D000"]
