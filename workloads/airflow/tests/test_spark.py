# SPDX-License-Identifier: Apache-2.0
import json
import re
import subprocess

import pytest
from test_operators import rendered

from trunkline_airflow import SecretValue, SparkOperator, sparkconf


@pytest.fixture
def make(orders):
    return lambda **kwargs: SparkOperator(task_id="clean", application="local:///opt/app/clean.py", **kwargs)


def variables(pod):
    return {e["name"]: e.get("value") for e in pod["spec"]["containers"][0]["env"]}


def told(pod):
    return dict(line.split("=", 1) for line in variables(pod)["SUBMIT_PROPERTIES"].splitlines())


def test_driver(make):
    pod = rendered(make(application_args=["--day", "1"], executors=3, event_logs="lake://spark-events/", history="https://h/"))
    spec, main = pod["spec"], pod["spec"]["containers"][0]
    assert main["args"] == ["local:///opt/app/clean.py", "--day", "1"]
    assert (spec["automountServiceAccountToken"], spec["serviceAccountName"]) == (True, "orders")
    assert not spec.get("nodeSelector"), "a driver is never on a spot machine"
    assert main["resources"]["limits"] == {"cpu": "500m", "memory": "2048Mi"}
    assert spec["securityContext"]["runAsUser"] == 185
    conf = told(pod)
    assert conf["spark.driver.memory"] == "1462m"
    assert conf["spark.executor.instances"] == "3"
    assert (conf["spark.executor.memory"], conf["spark.executor.memoryOverhead"], conf["spark.executor.cores"]) == ("1462m", "586m", "1")
    assert conf["spark.eventLog.dir"] == "file:///dev/spark-events/"
    assert conf["spark.decommission.enabled"] == "true"
    assert pod["metadata"]["annotations"] == {
        "spark.trunkline.dev/driver-heap": "1462Mi",
        "spark.trunkline.dev/executor-heap": "1462Mi",
        "spark.trunkline.dev/executor-memory": "2048Mi",
        "spark.trunkline.dev/executors": "spot",
        "spark.trunkline.dev/history": "https://h/",
    }
    assert variables(pod)["SUBMIT_HISTORY"] == "https://h"


def test_executors(make):
    given = {"A": "$(B)", "B": SecretValue("s", "k"), "C": SecretValue("x", "k", store="vault")}
    pod = rendered(make(executor_disk_size="5Gi", zone="eu-1a", env_vars=given, executor_command=["run"]))
    template = json.loads(variables(pod)["SUBMIT_EXECUTOR"].replace("$$(", "$("))
    labels = template["metadata"]["labels"]
    assert labels["trunkline.dev/workload"] == pod["metadata"]["labels"]["trunkline.dev/workload"]
    assert "trunkline.dev/run" not in labels, "the driver says which run it is of"
    spec = template["spec"]
    assert spec["nodeSelector"] == {"cloud.google.com/gke-spot": "true", "topology.kubernetes.io/zone": "eu-1a"}
    assert pod["spec"]["nodeSelector"] == {"topology.kubernetes.io/zone": "eu-1a"}
    assert spec["automountServiceAccountToken"] is False
    main = spec["containers"][0]
    assert (main["name"], main["image"], main["command"]) == ("main", "ghcr.io/acme/orders:1", ["run"])
    assert {e["name"] for e in main["env"]} >= {"A", "B"}
    assert "C" not in {e["name"] for e in main["env"]}, "secrets of stores are the driver's"
    assert {"name": "spark-local-dir-1", "mountPath": "/var/data"} in main["volumeMounts"]
    assert told(pod)["spark.kubernetes.executor.podTemplateContainerName"] == "main"


def test_local(make):
    pod = rendered(make(mode="local", conf={"spark.sql.shuffle.partitions": 2}, main_class="a.B", verbose=True))
    main = pod["spec"]["containers"][0]
    assert main["args"][0] == "--verbose"
    assert "spark.sql.shuffle.partitions=2" in main["args"]
    assert main["args"][-1] == "local:///opt/app/clean.py"
    assert pod["spec"]["automountServiceAccountToken"] is False
    env = variables(pod)
    assert (env["SUBMIT_CLASS"], env["SUBMIT_CORES"]) == ("a.B", "1")
    assert "SUBMIT_EXECUTOR" not in env


def test_the_script_unpacks_its_files(make, tmp_path):
    """The shell of the pod has the files as they are, whatever Kubernetes makes of "$(" in variables."""
    pod = rendered(make(conf={"spark.x": "a\\b$(c)"}))
    main = pod["spec"]["containers"][0]
    assert not re.search(r"(?<!\$)\$\(", variables(pod)["SUBMIT_SCRIPT"]), "Kubernetes makes another variable of it"
    env = {e["name"]: e["value"].replace("$$(", "$(") for e in main["env"] if e.get("value")}
    script = main["command"][2].replace("/tmp/trunkline-spark", str(tmp_path / "s")).replace("exec /bin/sh", "echo")
    got = subprocess.run(
        [*main["command"][:2], script, "submit", *main["args"]],
        env={**env, "PATH": "/bin:/usr/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert got.stdout == f"{tmp_path}/s/submit.sh local:///opt/app/clean.py\n"
    assert "spark.x=a\\\\b$(c)\n" in (tmp_path / "s/spark.properties").read_text()
    assert 'here=$(dirname "$0")' in (tmp_path / "s/submit.sh").read_text()


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"conf": {"spark.executor.memory": "1g"}}, "say it by executor_size"),
        ({"conf": {"spark.kubernetes.driver.pod.name": "x"}}, "sets spark.kubernetes.driver.pod.name itself"),
        ({"conf": {"x": "1"}}, "no key of Spark's configuration"),
        ({"executors": 0}, "want one at least"),
        ({"executors": (3, 2)}, "from 3 to 2 executors"),
        ({"executor_size": "tiny"}, "Spark starts with 450 MiB"),
        ({"committer": "fast"}, "want file, magic or manifest"),
        ({"mode": "yarn"}, "want cluster or local"),
        ({"lifecycle": "cheap"}, "want spot or on-demand"),
    ],
)
def test_refused(make, given, says):
    with pytest.raises(ValueError, match=says):
        make(**given)
    with pytest.raises(TypeError, match="no argument 'command'"):
        make(command=["x"])


def test_as_trunkline_does(repository):
    """What the blueprint sets itself, how memory is divided and how drivers are started is the same here."""
    source = (repository / "api/spark/params.go").read_text()
    table = source[source.index("var own = ") : source.index("// ownKey")]
    assert set(sparkconf.OWN) == set(re.findall(r'"(spark\.[A-Za-z.]+)":', table))
    ours = repository / "workloads/airflow/trunkline_airflow/submit.sh"
    assert ours.read_bytes() == (repository / "blueprints/spark-job/chart/files/submit.sh").read_bytes(), "copy it"
    chart = (repository / "blueprints/spark-job/chart/templates/_spark.tpl").read_text()
    everything = sparkconf.common("a", sparkconf.process("1", "2Gi", python=True), "file", "s3a://x", ["a"], ["b"]) | sparkconf.executing(
        (0, 1)
    )
    everything |= sparkconf.decommissioning() | sparkconf.committing("magic") | sparkconf.committing("manifest") | sparkconf.executing(2)
    everything |= sparkconf.clustered("n", "i", sparkconf.process("1", "2Gi", python=True), "t", "c")
    there = set(re.findall(r'(?<!include )(?<!define )"(spark\.[A-Za-z0-9.]+)"', chart))
    assert there - set(everything) == {"spark.sql.streaming.checkpointLocation", "spark.sql.streaming.checkpointFileManagerClass"}
    assert set(everything) - there == set()


@pytest.mark.parametrize(
    ("cpu", "memory", "python", "factor", "want"),
    [
        ("500m", "2Gi", True, None, (1, 1462, 586)),
        ("2500m", "7Gi", True, None, (3, 5120, 2048)),
        ("500m", "2Gi", False, 1.0, (1, 1024, 1024)),
        ("500m", "2Gi", False, None, (1, 1861, 187)),
        ("2", "1.5Gi", False, None, (2, 1396, 140)),
    ],
)
def test_memory(cpu, memory, python, factor, want):
    """These are the cases of api/spark, too."""
    got = sparkconf.process(cpu, memory, python=python, factor=factor)
    assert (got.cores, got.heap, got.overhead) == want
