# SPDX-License-Identifier: Apache-2.0
import json
from types import SimpleNamespace

import pytest
from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from trunkline_airflow import ContainerOperator, PodFailed, SecretValue, pods
from trunkline_airflow.context import ContextError

RUN = "manual__2026-01-01T00:00:00+00:00"


def context(task, run_id=RUN):
    ti = SimpleNamespace(dag_id="d", task_id=task.task_id, try_number=1, map_index=-1, pushed={})
    ti.xcom_push = lambda key, value: ti.pushed.update({key: value})
    return {"ti": ti, "run_id": run_id, "dag": SimpleNamespace(dag_id="d")}


def rendered(task, given=None):
    """The pod of a task, as the API server would get it."""
    task.name = None
    return ApiClient().sanitize_for_serialization(task.build_pod_request_obj(given if given is not None else context(task), dry_run=True))


@pytest.fixture
def make(orders):
    return lambda **kwargs: ContainerOperator(task_id="load", **kwargs)


def test_pod(make):
    pod = rendered(make(command=["python", "load.py"], arguments=["--all"], env_vars={"MODE": "fast"}))
    labels = pod["metadata"]["labels"]
    assert pod["metadata"]["namespace"] == "orders-dev"
    assert {k: labels[k] for k in labels if "/" in k} == {
        "app.kubernetes.io/part-of": "orders",
        "app.kubernetes.io/name": "adhoc_airflow.load",
        "trunkline.dev/project": "orders",
        "trunkline.dev/environment": "dev",
        "trunkline.dev/workload": "adhoc_airflow.load",
        "trunkline.dev/run": pods.label(f"adhoc_airflow.{RUN}"),
    }
    spec = pod["spec"]
    main = spec["containers"][0]
    assert (main["image"], main["command"], main["args"]) == ("ghcr.io/acme/orders:1", ["python", "load.py"], ["--all"])
    assert main["resources"] == {"requests": {"cpu": "1000m", "memory": "4096Mi"}, "limits": {"cpu": "1000m", "memory": "4096Mi"}}
    assert main["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert main["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert (spec["serviceAccountName"], spec["automountServiceAccountToken"], spec["restartPolicy"]) == ("orders", False, "Never")
    assert spec["nodeSelector"] == {"cloud.google.com/gke-spot": "true"}
    assert [t["key"] for t in spec["tolerations"]] == ["trunkline.dev/lifecycle", "cloud.google.com/gke-spot"]
    env = {e["name"]: e.get("value") for e in main["env"]}
    assert env == {
        "MODE": "fast",
        "TRUNKLINE_PLATFORM": "acme",
        "TRUNKLINE_PROJECT": "orders",
        "TRUNKLINE_ENVIRONMENT": "dev",
        "TRUNKLINE_CLUSTER": "eu",
        "TRUNKLINE_WORKLOAD": "adhoc_airflow.load",
    }


def test_knobs(make):
    task = make(size="tiny", lifecycle="on-demand", identity="cleaner", disk_size="20Gi", workload="clean", user=1000, image="x:1")
    pod = rendered(task)
    spec, main = pod["spec"], pod["spec"]["containers"][0]
    assert main["image"] == "x:1"
    assert main["resources"]["limits"] == {"cpu": "100m", "memory": "64Mi"}
    assert spec["serviceAccountName"] == "cleaner"
    assert not spec.get("nodeSelector")
    assert not spec.get("tolerations")
    assert spec["securityContext"]["runAsUser"] == spec["securityContext"]["fsGroup"] == 1000
    assert pod["metadata"]["labels"]["trunkline.dev/workload"] == "clean"
    claim = next(v for v in spec["volumes"] if v["name"] == "disk")["ephemeral"]["volumeClaimTemplate"]
    assert claim["spec"]["resources"]["requests"] == {"storage": "20Gi"}
    assert claim["metadata"]["labels"]["trunkline.dev/project"] == "orders"
    assert {"name": "disk", "mountPath": "/var/data"} in main["volumeMounts"]


def test_made_again_the_same(make):
    """A pod that is made again, since the first was lost, has each variable and label once."""
    task = make(env_vars={"A": "1"}, xcom_push=True)
    first, again = rendered(task), rendered(task)
    for pod in (first, again):
        pod["metadata"].pop("name")
    assert first == again


def test_secrets(make):
    given = {
        "PASSWORD": SecretValue("db", "password"),
        "URL": "db://$(PASSWORD)@db",
        "TOKEN": SecretValue("orders/api", "token", store="vault"),
    }
    spec = rendered(make(command=["load"], identity="cleaner", env_vars=given, size="tiny"))["spec"]
    env = {e["name"]: e for e in spec["containers"][0]["env"]}
    names = [e["name"] for e in spec["containers"][0]["env"]]
    assert names.index("PASSWORD") < names.index("URL")
    assert env["PASSWORD"]["valueFrom"]["secretKeyRef"] == {"name": "db", "key": "password"}
    assert "TOKEN" not in env
    plan = json.loads(env["TRUNKLINE_SECRETS"]["value"])
    assert plan["secrets"] == {"TOKEN": {"store": "vault", "name": "orders/api", "key": "token"}}
    assert plan["stores"]["vault"]["role"] == "cleaner-dev"
    assert spec["containers"][0]["command"] == ["/trunkline/bin/lot", "secrets", "exec", "--", "load"]
    assert spec["initContainers"][0]["image"] == "registry.acme.example/lot:1"
    token = next(v for v in spec["volumes"] if v["name"] == "trunkline-tokens")["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"audience": "vault", "path": "vault", "expirationSeconds": 600}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"env_vars": {"TRUNKLINE_X": "1"}}, "set by Trunkline"),
        ({"env_vars": {"a b": "1"}}, "no name of a variable"),
        ({"env_vars": {"A": SecretValue("db")}}, "say which key"),
        ({"env_vars": {"A": SecretValue("db", store="vault")}}, "give the task its command"),
        ({"command": ["a"], "env_vars": {"A": SecretValue("db", store="none")}}, "no store of secrets 'none'"),
        ({"size": "huge"}, "no size class"),
        ({"identity": "root"}, "no identity"),
        ({"lifecycle": "cheap"}, "want spot or on-demand"),
        ({"disk_size": "much"}, "want one such as 10Gi"),
        ({"disk_size": "1Gi", "disk_mount_path": "/tmp/"}, "such as /var/data"),
    ],
)
def test_refused(make, given, says):
    with pytest.raises((ValueError, ContextError), match=says):
        make(**given)


def test_what_trunkline_sets_is_not_set(make):
    with pytest.raises(TypeError):
        make(namespace="kube-system")
    with pytest.raises(TypeError):
        make(service_account_name="root")


@pytest.mark.parametrize(
    ("text", "want"),
    [("a.b", "a.b"), ("a:b", "a-b-"), ("x" * 80, "x" * 54 + "-"), ("_a", "a-"), ("+", "")],
)
def test_labels(text, want):
    got = pods.label(text)
    assert got.startswith(want)
    assert len(got) <= 63
    assert got[0].isalnum()
    assert got[-1].isalnum()
    assert pods.label(text) == got != pods.label(text + "x")


def final(phase, *, message=None, code=0, name="p"):
    state = k8s.V1ContainerState(terminated=k8s.V1ContainerStateTerminated(exit_code=code, message=message))
    status = k8s.V1ContainerStatus(name="main", image="a", image_id="", ready=False, restart_count=0, state=state)
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name=name, namespace="orders-dev", uid="u"),
        status=k8s.V1PodStatus(phase=phase, container_statuses=[status]),
    )


class Cluster:
    """Stands for what a hook does, so that pods end as a test says: tests of the whole are on a real API server."""

    def __init__(self, monkeypatch, ends):
        self.ends, self.made = list(ends), 0
        base = ContainerOperator.__mro__[1]

        def execute(task, given):
            assert task.pod is None, "a pod that was lost is not waited for once more"
            task.pod = task.pod_request_obj = object()
            self.made += 1
            end = self.ends.pop(0)
            if isinstance(end, Exception):
                if isinstance(end, ApiException):
                    task.pod = None
                raise end
            task.remote_pod = end
            if end.status.phase != "Succeeded":
                task.cleanup(end, end, None, given)

        monkeypatch.setattr(base, "execute", execute)
        monkeypatch.setattr(ContainerOperator, "_look", lambda task, pod: (pods_seen(task, pod), pod))
        monkeypatch.setattr(base, "cleanup", lambda *_: (_ for _ in ()).throw(AirflowException("x")))


def pods_seen(task, pod):
    from trunkline_airflow.reasons import Seen

    return Seen(ApiClient().sanitize_for_serialization(pod), spot=task.lifecycle == "spot")


def lost():
    pod = final("Failed")
    pod.status.reason, pod.status.message = "NodeLost", "the node is gone"
    return pod


def test_result(make, monkeypatch):
    task = make(xcom_push=True, xcom_key="rows")
    Cluster(monkeypatch, [final("Succeeded", message='{"rows": 3}\n')])
    given = context(task)
    task.execute(given)
    assert given["ti"].pushed == {"rows": {"rows": 3}}


def test_a_result_takes_no_other_container(make):
    assert [c["name"] for c in rendered(make(xcom_push=True))["spec"]["containers"]] == ["main"]


def test_results_that_are_none():
    assert pods.result_of("") is None
    assert pods.result_of(None) is None
    with pytest.raises(ValueError, match="longer than 4096 bytes"):
        pods.result_of('"' + "x" * 4095)
    with pytest.raises(ValueError, match="no JSON"):
        pods.result_of("done")


def test_lost_with_the_machine(make, monkeypatch):
    """It is made again as often as it may, and then has failed."""
    cluster = Cluster(monkeypatch, [lost(), lost(), final("Succeeded")])
    make().execute(context(make()))
    assert cluster.made == 3
    cluster = Cluster(monkeypatch, [lost(), lost(), lost()])
    with pytest.raises(PodFailed, match=r"^spot-loss: pod p was lost with its spot machine: the node is gone$"):
        make().execute(context(make()))
    assert cluster.made == 3
    cluster = Cluster(monkeypatch, [lost()])
    with pytest.raises(PodFailed, match=r"^evicted: "):
        make(lifecycle="on-demand").execute(context(make()))


def test_a_program_that_fails_is_not_made_again(make, monkeypatch):
    cluster = Cluster(monkeypatch, [final("Failed", code=3, message="password=hunter2")])
    with pytest.raises(PodFailed) as failed:
        make().execute(context(make()))
    assert cluster.made == 1
    assert failed.value.reason.exit_code == 3
    assert "hunter2" not in str(failed.value)


def test_refused_by_the_cluster(make, monkeypatch):
    refusal = ApiException(status=403)
    refusal.body = '{"message":"exceeded quota: q"}'
    Cluster(monkeypatch, [refusal])
    with pytest.raises(PodFailed, match=r"^quota: the cluster does not take the pod: exceeded quota: q"):
        make().execute(context(make()))


def test_skipped(make, monkeypatch):
    Cluster(monkeypatch, [AirflowSkipException("no")])
    with pytest.raises(AirflowSkipException):
        make(skip_on_exit_code=3).execute(context(make()))
