# SPDX-License-Identifier: Apache-2.0
from datetime import datetime, timezone

import pytest
from test_operators import Cluster, context, final, lost, rendered

from trunkline_airflow import ContainerSensor, LotSensor, PodFailed
from trunkline_airflow.context import ContextError


@pytest.mark.parametrize(
    ("reason", "given", "end", "want"),
    [
        ("0 is there", {}, final("Succeeded"), True),
        ("all else is not yet", {}, final("Failed", code=9), False),
        ("if it is one of those", {"poke_on": [3]}, final("Failed", code=3), False),
        ("others have failed", {"poke_on": [3]}, final("Failed", code=1), "exit"),
        ("one that is lost is run again", {"lifecycle": "on-demand"}, lost(), False),
    ],
)
def test_poke(orders, monkeypatch, reason, given, end, want):
    Cluster(monkeypatch, [end])
    task = ContainerSensor(task_id="wait", command=["look"], **given)
    if isinstance(want, str):
        with pytest.raises(PodFailed, match=f"^{want}: "):
            task.poke(context(task))
    else:
        assert task.poke(context(task)) is want, reason


def test_a_container_that_cannot_start_fails_at_once(orders, monkeypatch):
    end = final("Failed", code=128)
    end.status.container_statuses[0].state.terminated.reason = "StartError"
    Cluster(monkeypatch, [end])
    task = ContainerSensor(task_id="wait", command=["look"])
    with pytest.raises(PodFailed, match=r"^command: "):
        task.poke(context(task))


def test_knobs_of_sensors(orders):
    task = ContainerSensor(task_id="wait", command=["look"], mode="reschedule", poke_interval=5, timeout=60, soft_fail=True)
    assert (task.mode, task.poke_interval, task.timeout, task.soft_fail) == ("reschedule", 5, 60, True)


def day(task):
    return {
        **context(task),
        "data_interval_start": datetime(2026, 1, 1, tzinfo=timezone.utc),
        "data_interval_end": datetime(2026, 1, 1, 2, tzinfo=timezone.utc),
    }


def test_lots(orders):
    task = LotSensor(task_id="wait", dataset="clean@1")
    pod = rendered(task, day(task))
    main = pod["spec"]["containers"][0]
    assert main["image"] == "registry.acme.example/lot:1"
    assert main["command"] == [
        "lot",
        "state",
        "--manifests",
        "file:///manifests/orders/",
        "--location",
        "file:///dev/orders/clean/",
        "clean@1",
    ]
    assert main["args"] == ["20260101PT1H000", "20260101PT1H001"]
    assert main["resources"]["limits"] == {"cpu": "125m", "memory": "512Mi"}
    assert task.poke_on == {3}
    task = LotSensor(task_id="wait", dataset="rates/fx@1", lot="20260105P1D000 20260106P1D000", size="tiny", identity="cleaner")
    main = rendered(task)["spec"]["containers"][0]
    assert (main["args"], main["resources"]["limits"]["cpu"]) == (["20260105P1D000", "20260106P1D000"], "100m")
    with pytest.raises(ValueError, match="say which lot"):
        rendered(LotSensor(task_id="wait", dataset="clean@1"))


@pytest.mark.parametrize(
    ("dataset", "says"),
    [
        ("total@2", "nobody keeps lots of the dataset 'orders/total@2'"),
        ("rates/none@1", "there is no dataset"),
        ("other/x@1", "has to read or write it"),
    ],
)
def test_no_lots(orders, dataset, says):
    with pytest.raises(ContextError, match=says):
        LotSensor(task_id="wait", dataset=dataset)
