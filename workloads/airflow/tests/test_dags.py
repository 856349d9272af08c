# SPDX-License-Identifier: Apache-2.0
"""DAG files, as Airflow loads them."""

import json
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from airflow.dag_processing.dagbag import DagBag
from test_dbt import SHOP
from test_operators import rendered

DAG = """
from airflow.sdk import DAG
from trunkline_airflow import ContainerOperator, ContainerSensor, DbtTaskGroup, LotSensor, SecretValue, SparkOperator, image

with DAG("shop", schedule=None):
    wait = LotSensor(task_id="wait", dataset="rates/fx@1", mode="reschedule")
    look = ContainerSensor(task_id="look", command=["look"], poke_interval=5)
    load = ContainerOperator(
        task_id="load", image=image("base"), command=["load", "{{ ds }}"], arguments=["{{ trunkline.dataset('clean@1').uri }}"],
        env_vars={"DAY": "{{ ds }}", "PASSWORD": SecretValue("db", "password")}, xcom_push=True,
    )
    dbt = DbtTaskGroup(manifest_file="target/manifest.json", command=["dbt", "{command}", "-s", "{model}"], task_name_prefix="m_",
                       start_name="begin", operator_args={"size": "mx.small"})
    spark = SparkOperator(task_id="spark", application="local:///a.py")
    each = ContainerOperator.partial(task_id="each", command=["each"]).expand(arguments=[["a"], ["b"]])
    [wait, look] >> load >> dbt >> spark >> each
"""


@pytest.fixture
def loaded(bundle):
    (bundle / "target").mkdir()
    (bundle / "target/manifest.json").write_text(json.dumps(SHOP))
    (bundle / "shop.py").write_text(DAG)
    return load(bundle)


def load(bundle):
    return DagBag(dag_folder=str(bundle), bundle_path=bundle, bundle_name="tests")


def test_loads(loaded):
    assert loaded.import_errors == {}
    dag = loaded.dags["shop"]
    edges = {t.task_id: sorted(t.downstream_task_ids) for t in dag.tasks}
    assert edges == {
        "wait": ["load"],
        "look": ["load"],
        "load": ["dbt.begin"],
        "dbt.begin": ["dbt.m_raw"],
        "dbt.m_raw": ["dbt.m_clean", "dbt.m_same"],
        "dbt.m_clean": ["dbt.m_clean_test", "dbt.m_kept", "dbt.m_total"],
        "dbt.m_clean_test": ["dbt.m_kept", "dbt.m_total"],
        "dbt.m_total": ["dbt.m_same"],
        "dbt.m_kept": ["dbt.end"],
        "dbt.m_same": ["dbt.end"],
        "dbt.end": ["spark"],
        "spark": ["each"],
        "each": [],
    }


def test_serializes(loaded):
    import structlog
    from airflow.dag_processing.processor import _serialize_dags

    made, errors = _serialize_dags(loaded, structlog.get_logger())
    assert errors == {}
    assert "hunter2" not in str([m.data for m in made])


def context(dag, task):
    now = datetime(2026, 1, 2, tzinfo=timezone.utc)
    ti = SimpleNamespace(dag_id=dag.dag_id, task_id=task.task_id, try_number=1, map_index=-1)
    return {"ti": ti, "dag": dag, "task": task, "run_id": "r", "ds": "2026-01-02", "data_interval_start": now, "data_interval_end": now}


def test_templates(loaded):
    dag = loaded.dags["shop"]
    task = dag.get_task("load")
    given = context(dag, task)
    task.render_template_fields(given)
    main = rendered(task, given)["spec"]["containers"][0]
    assert main["image"] == "ghcr.io/acme/base:2"
    assert main["command"] == ["load", "2026-01-02"]
    assert main["args"] == ["file:///dev/orders/clean/"]
    env = {e["name"]: e for e in main["env"]}
    assert env["DAY"]["value"] == "2026-01-02"
    assert env["PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "password"}
    assert env["TRUNKLINE_RESULT"]["value"] == "/dev/termination-log"
    assert env["TRUNKLINE_WORKLOAD"]["value"] == "shop.load"
    model = dag.get_task("dbt.m_clean")
    pod = rendered(model, context(dag, model))
    assert pod["spec"]["containers"][0]["command"] == ["dbt", "run", "-s", "clean"]
    assert pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "500m"
    assert pod["metadata"]["labels"]["trunkline.dev/workload"] == "shop.dbt.m_clean"
    sensor = dag.get_task("wait")
    given = context(dag, sensor)
    sensor.render_template_fields(given)
    assert rendered(sensor, given)["spec"]["containers"][0]["args"] == ["20260101P1D000"]


def test_mapped(loaded):
    """A mapped task is made when it runs, when no DAG file calls."""
    dag = loaded.dags["shop"]
    made = dag.get_task("each").unmap({"arguments": ["a"]})
    assert made.project.project == "orders"
    assert rendered(made, context(dag, made))["spec"]["containers"][0]["args"] == ["a"]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("DbtTaskGroup(manifest_file='none.json')", "reading the manifest .*/none.json"),
        ("DbtTaskGroup(manifest_file='target/manifest.json', tags=['none'])", "no model for the group 'dbt'"),
        ("DbtTaskGroup(manifest_file='target/manifest.json', command=['dbt'])", "has no {model}"),
        ("DbtTaskGroup(manifest_file='target/manifest.json', tests='some')", "want gate, after or none"),
        ("ContainerOperator(task_id='a', image=image('other'))", "there is no image of the project 'other'"),
    ],
)
def test_what_a_dag_file_says_wrong(loaded, bundle, code, says):
    head = "from airflow.sdk import DAG\nfrom trunkline_airflow import *\nfrom trunkline_airflow import ContainerOperator, DbtTaskGroup, image\n"
    (bundle / "shop.py").write_text(f"{head}with DAG('shop', schedule=None):\n    {code}\n")
    errors = list(load(bundle).import_errors.values())
    assert len(errors) == 1
    assert __import__("re").search(says, errors[0]), errors[0]


def test_defaults_of_a_dag(loaded, bundle):
    """What a DAG says for all its tasks counts for each of them, and nothing of the package comes before it."""
    (bundle / "shop.py").write_text(
        "from airflow.sdk import DAG\nfrom trunkline_airflow import ContainerOperator, DbtTaskGroup, LotSensor\n"
        "with DAG('shop', schedule=None, default_args={'size': 'tiny', 'startup_timeout_seconds': 7, 'labels': {'a': 'b'}, 'identity': 'cleaner'}):\n"
        "    ContainerOperator(task_id='load')\n    LotSensor(task_id='wait', dataset='clean@1', lot='20260101PT1H000')\n    DbtTaskGroup(manifest_file='target/manifest.json')\n"
    )
    dag = load(bundle).dags["shop"]
    for name in ("load", "wait", "dbt.raw"):
        task = dag.get_task(name)
        pod = rendered(task, context(dag, task))
        assert pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] == "100m", name
        assert (task.startup_timeout_seconds, pod["spec"]["serviceAccountName"], pod["metadata"]["labels"]["a"]) == (7, "cleaner", "b"), (
            name
        )


def test_without_a_context(tmp_path):
    (tmp_path / "d.py").write_text(
        "from airflow.sdk import DAG\nfrom trunkline_airflow import ContainerOperator\nwith DAG('d', schedule=None):\n    ContainerOperator(task_id='a')\n"
    )
    (error,) = load(tmp_path).import_errors.values()
    assert "Trunkline puts it beside the files of DAGs" in error
