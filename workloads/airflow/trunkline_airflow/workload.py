# SPDX-License-Identifier: Apache-2.0
"""Workloads that Trunkline deploys, as tasks: what Airflow starts in place of the clock of the cluster."""

from __future__ import annotations

import hashlib
import time
from typing import Any

from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.providers.common.compat.sdk import AirflowException, BaseOperator
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from trunkline_airflow.context import Project, project

WORKLOAD = "trunkline.dev/workload"
"""The label of a workload's objects: its name."""
_POLL = 5.0
_NOT_FOUND = 404
_CONFLICT = 409
_LINES = 10_000
_LONGEST = 63


class WorkloadFailed(AirflowException):
    """The Job of a workload failed."""


class WorkloadOperator(BaseOperator):
    """Runs a workload of the project once: as a Job of the CronJob that is deployed, with the retries and the time limit that this has.

    A try of the task has one Job, also if the process that follows it is lost: who comes after follows the same one.

    :param workload: the name of the workload.
    :param kwargs: arguments of ``BaseOperator``.
    """

    ui_color = "#d7e6f5"

    def __init__(self, *, workload: str, **kwargs: Any) -> None:
        self.project: Project = project(getattr(kwargs.get("dag"), "fileloc", "") or "")
        kwargs.setdefault("retries", 0)  # those of the Job count
        super().__init__(**kwargs)
        self.workload = workload
        self._job = ""

    @property
    def hook(self) -> KubernetesHook:
        """What reaches the cluster that the task runs in."""
        return KubernetesHook(conn_id=None)

    def execute(self, context: Any) -> None:
        """Make the Job, and wait until it has ended."""
        batch, namespace = self.hook.batch_v1_client, self.project.namespace
        job = job_of(self._template(batch), name_of(context["ti"]))
        self._job = job.metadata.name
        try:
            batch.create_namespaced_job(namespace, job)
            self.log.info("Job %s/%s is made", namespace, self._job)
        except ApiException as err:
            if err.status != _CONFLICT:
                raise
            self.log.info("Job %s/%s is there already, and is followed", namespace, self._job)
        why = self._follow(batch)
        self._logs()
        if why:
            raise WorkloadFailed(f"Job {namespace}/{self._job} of the workload {self.workload} failed: {why}")

    def on_kill(self) -> None:
        """Take the Job away, with its pods."""
        if self._job:
            self.hook.batch_v1_client.delete_namespaced_job(self._job, self.project.namespace, propagation_policy="Background")

    def _template(self, batch: Any) -> k8s.V1CronJob:
        found = batch.list_namespaced_cron_job(self.project.namespace, label_selector=f"{WORKLOAD}={self.workload}").items
        if len(found) != 1:
            raise WorkloadFailed(
                f"the workload {self.workload} has {len(found)} CronJobs in {self.project.namespace}, and a task runs its only one"
            )
        return found[0]

    def _follow(self, batch: Any) -> str:
        """Wait until the Job has ended, and return why it failed: nothing if it did not."""
        while True:
            try:
                status = batch.read_namespaced_job(self._job, self.project.namespace).status
            except ApiException as err:
                if err.status == _NOT_FOUND:
                    return "it is gone: someone deleted it"
                raise
            for condition in status.conditions or []:
                if condition.status == "True" and condition.type == "Complete":
                    return ""
                if condition.status == "True" and condition.type == "Failed":
                    return f"{condition.reason}: {condition.message}"
            time.sleep(_POLL)

    def _logs(self) -> None:
        """Print the end of what the pods wrote. That it cannot be read says nothing of the Job."""
        core = self.hook.core_v1_client
        try:
            for pod in core.list_namespaced_pod(self.project.namespace, label_selector=f"batch.kubernetes.io/job-name={self._job}").items:
                text = core.read_namespaced_pod_log(pod.metadata.name, self.project.namespace, tail_lines=_LINES)
                for line in text.splitlines():
                    self.log.info("[%s] %s", pod.metadata.name, line)
        except ApiException as err:
            self.log.info("what the pods wrote cannot be read: %s", err.reason)


def name_of(ti: Any) -> str:
    """Return what tells the Job of a try from all others."""
    parts = (ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index), str(ti.try_number))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def job_of(cron: k8s.V1CronJob, name: str) -> k8s.V1Job:
    """Return the Job of a CronJob, as the cluster itself makes it, and owned by it."""
    template = cron.spec.job_template
    meta = template.metadata or k8s.V1ObjectMeta()
    return k8s.V1Job(
        metadata=k8s.V1ObjectMeta(
            name=f"{cron.metadata.name[: _LONGEST - len(name) - 1]}-{name}",
            labels=meta.labels,
            annotations={**(meta.annotations or {}), "cronjob.kubernetes.io/instantiate": "manual"},
            owner_references=[k8s.V1OwnerReference(api_version="batch/v1", kind="CronJob", name=cron.metadata.name, uid=cron.metadata.uid)],
        ),
        spec=template.spec,
    )
