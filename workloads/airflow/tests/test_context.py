# SPDX-License-Identifier: Apache-2.0
import json

import pytest

from trunkline_airflow import context
from trunkline_airflow.context import ContextError, Dataset, Size


def test_golden(orders):
    assert (orders.project, orders.environment, orders.cluster, orders.namespace) == ("orders", "dev", "eu", "orders-dev")
    assert orders.size_of() == Size("1000m", "4096Mi")
    assert orders.size_of("tiny") == Size("100m", "64Mi")
    assert orders.identity_of() == "orders"
    assert orders.identity_of("cleaner") == "cleaner"
    assert orders.image_of() == "ghcr.io/acme/orders:1"
    assert orders.image_of("rates") == "ghcr.io/acme/rates:1"
    assert orders.image_of("base") == "ghcr.io/acme/base:2"
    assert orders.nodes().node_selector == {"cloud.google.com/gke-spot": "true"}
    assert [t["key"] for t in orders.nodes("spot").tolerations] == ["trunkline.dev/lifecycle", "cloud.google.com/gke-spot"]
    assert orders.nodes("on-demand").node_selector == {}
    clean = "file:///dev/orders/clean/"
    assert orders.dataset("clean@1") == Dataset(clean, clean, "hourly", "file:///manifests/orders/")
    assert orders.dataset("rates/fx@1").unit == "daily"
    assert orders.folder("lake://spark-events/") == "file:///dev/spark-events/"
    assert orders.folder("s3://elsewhere/x") == "s3://elsewhere/x"


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p: p.image_of("other"), "name the project in dependsOn"),
        (lambda p: p.size_of("huge"), "there is no size class 'huge'"),
        (lambda p: p.identity_of("root"), "a workload of the project has to name it"),
        (lambda p: p.dataset("rates/none@1"), "has to read or write it"),
        (lambda p: p.nodes("cheap"), "want spot or on-demand"),
    ],
)
def test_what_there_is_not(orders, ask, says):
    with pytest.raises(ContextError, match=says):
        ask(orders)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c: c.update(version=2), "has the version 2, and this package reads 1"),
        (lambda c: c.pop("namespace"), "namespace is not a text"),
        (lambda c: c.update(sizes=[]), "sizes is not a table"),
        (lambda c: c["sizes"].update(tiny="x"), "sizes.tiny is not a table"),
        (lambda c: c.update(identities=[1]), "identities is not a list of texts"),
        (lambda c: c["spot"].update(tolerations={}), "spot.tolerations is not a list of tables"),
    ],
)
def test_what_is_wrong(repository, change, says):
    read = json.loads((repository / "catalog/testdata/taskcontext.golden.json").read_bytes())
    change(read)
    with pytest.raises(ContextError, match=says):
        context.parse(json.dumps(read))


def test_what_is_no_context():
    for text in ("[]", "{", "null"):
        with pytest.raises(ContextError, match=r"context\.json"):
            context.parse(text)


def test_found_beside_the_file_that_calls(bundle):
    (bundle / "deep").mkdir()
    file = bundle / "deep/dag.py"
    file.write_text("from trunkline_airflow import image, project\nhere = project()\nbase = image('base')\n")
    names: dict = {"__name__": "dag"}
    exec(compile(file.read_text(), str(file), "exec"), names)  # as Airflow loads it
    assert names["here"].project == "orders"
    assert names["base"] == "ghcr.io/acme/base:2"


def test_there_is_none(tmp_path, monkeypatch):
    with pytest.raises(ContextError, match=rf"in {tmp_path} or a folder above.*TRUNKLINE_CONTEXT"):
        context.find(str(tmp_path / "dag.py"))
    monkeypatch.setenv(context.VARIABLE, str(tmp_path / "gone.json"))
    with pytest.raises(ContextError, match=r"gone\.json: No such file"):
        context.project()
