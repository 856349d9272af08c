# SPDX-License-Identifier: Apache-2.0
import shutil
from types import SimpleNamespace

import pytest
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from trunkline_airflow import workload

META = k8s.V1ObjectMeta(name="land", uid="u", labels={"trunkline.dev/workload": "land"})
CRON = k8s.V1CronJob(
    metadata=META,
    spec=k8s.V1CronJobSpec(
        schedule="0 6 * * *",
        job_template=k8s.V1JobTemplateSpec(
            metadata=k8s.V1ObjectMeta(labels={"trunkline.dev/workload": "land"}),
            spec=k8s.V1JobSpec(
                backoff_limit=3, template=k8s.V1PodTemplateSpec(spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="main")]))
            ),
        ),
    ),
)


class Cluster:
    """A cluster that is played: what the hook of the operator leads to."""

    def __init__(self, *conditions, crons=(CRON,)):
        self.conditions, self.crons, self.jobs, self.deleted = list(conditions), list(crons), {}, []
        self.batch_v1_client = self.core_v1_client = self

    def list_namespaced_cron_job(self, namespace, label_selector):
        assert (namespace, label_selector) == ("orders-dev", "trunkline.dev/workload=land")
        return SimpleNamespace(items=self.crons)

    def create_namespaced_job(self, namespace, job):
        assert namespace == "orders-dev"
        if job.metadata.name in self.jobs:
            raise ApiException(status=409)
        self.jobs[job.metadata.name] = job

    def read_namespaced_job(self, name, _namespace):
        assert name in self.jobs
        now = self.conditions.pop(0)
        if now == "gone":
            raise ApiException(status=404)
        return SimpleNamespace(
            status=SimpleNamespace(
                conditions=[SimpleNamespace(status="True", type=now, reason="Because", message="of it")] if now else None
            )
        )

    def list_namespaced_pod(self, _namespace, label_selector):
        return SimpleNamespace(items=[k8s.V1Pod(metadata=k8s.V1ObjectMeta(name="pod"))])

    def read_namespaced_pod_log(self, name, _namespace, tail_lines):
        return f"{name} was here\n"

    def delete_namespaced_job(self, name, _namespace, propagation_policy):
        self.deleted.append((name, propagation_policy))


@pytest.fixture
def run(orders, monkeypatch):
    monkeypatch.setattr(workload, "_POLL", 0)

    def run(cluster, try_number=1):
        task = workload.WorkloadOperator(task_id="land", workload="land")
        monkeypatch.setattr(type(task), "hook", cluster)
        ti = SimpleNamespace(dag_id="orders.land", run_id="r", task_id="land", map_index=-1, try_number=try_number)
        task.execute({"ti": ti})
        return task

    return run


def test_the_job_is_that_of_the_template(run):
    cluster = Cluster(None, "Complete")
    run(cluster)
    (job,) = cluster.jobs.values()
    assert job.spec is CRON.spec.job_template.spec
    assert job.metadata.labels == {"trunkline.dev/workload": "land"}
    owner = job.metadata.owner_references[0]
    assert (owner.kind, owner.name, owner.uid, owner.controller) == ("CronJob", "land", "u", None)


def test_who_comes_after_follows_the_same_job(run):
    cluster = Cluster("Complete", "Complete", "Complete")
    run(cluster)
    run(cluster)
    assert len(cluster.jobs) == 1
    run(cluster, try_number=2)
    assert len(cluster.jobs) == 2


@pytest.mark.parametrize(("how", "why"), [("Failed", "Because: of it"), ("gone", "someone deleted it")])
def test_what_fails_says_why(run, how, why):
    with pytest.raises(workload.WorkloadFailed, match=why):
        run(Cluster(how))


@pytest.mark.parametrize("crons", [(), (CRON, CRON)])
def test_a_workload_has_one_template(run, crons):
    cluster = Cluster(crons=crons)
    with pytest.raises(workload.WorkloadFailed, match=f"has {len(crons)} CronJobs"):
        run(cluster)
    assert not cluster.jobs


def test_a_task_that_is_ended_ends_its_job(run):
    cluster = Cluster("Complete")
    task = run(cluster)
    task.on_kill()
    assert cluster.deleted == [(next(iter(cluster.jobs)), "Background")]


def test_airflow_loads_what_trunkline_makes(repository, bundle):
    from airflow.dag_processing.dagbag import DagBag

    shutil.copy(repository / "render/testdata/tasks/trunkline_workloads.golden.py", bundle / "trunkline_workloads.py")
    bag = DagBag(dag_folder=str(bundle))
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["orders.check", "orders.poll"]
    dag = bag.dags["orders.check"]
    assert dag.get_task("report").upstream_task_ids == {"check", "load"}
    assert [a.uri for a in dag.get_task("load").outlets] == ["trunkline://orders/raw@1", "trunkline://orders/rest@2"]
    assert [a.uri for a in dag.get_task("check").inlets] == ["trunkline://orders/raw@1"]
