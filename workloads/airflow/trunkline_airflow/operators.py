# SPDX-License-Identifier: Apache-2.0
"""The operator that runs a container in the namespace of its project."""

from __future__ import annotations

import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any, cast

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.common.compat.sdk import AirflowException, AirflowSkipException, AirflowTaskTimeout
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s
from kubernetes.client.exceptions import ApiException

from trunkline_airflow import pods
from trunkline_airflow.context import Project, project
from trunkline_airflow.pods import PodFailed, SecretValue
from trunkline_airflow.reasons import LOST, Reason, Seen, reason_of, refused

_NOT_FOUND = 404


def _why(seen: Seen, pending: BaseException | None) -> Reason:
    """Return why a pod failed; ``pending`` is what ended the waiting for it."""
    if isinstance(pending, AirflowTaskTimeout):
        return Reason("deadline", f"pod {seen.name} took longer than the execution_timeout of its task")
    found = reason_of(seen)
    if found.code == "unknown" and pending is not None:
        return Reason("unknown", f"{found.summary}; {type(pending).__name__}: {pending}")
    return found


class ContainerOperator(KubernetesPodOperator):  # type: ignore[misc,unused-ignore] # the provider is typed in part
    """Runs a container as a pod in the namespace of the project.

    Every argument has a name. Texts may be templates, in which ``trunkline`` is the project: ``{{ trunkline.image_of("base") }}``,
    ``{{ trunkline.dataset("raw@1").uri }}``.

    :param image: the image; default: that of the project. ``image("PROJECT")`` is that of another one.
    :param command: what is run instead of the entry point of the image, as a list; default: the entry point.
    :param arguments: what the command is given, as a list; default: what the image gives it.
    :param env_vars: the variables of the process: texts, or :class:`SecretValue` for what is in a secret.
        ``TRUNKLINE_PLATFORM``, ``_PROJECT``, ``_ENVIRONMENT``, ``_CLUSTER`` and ``_WORKLOAD`` are there by themselves.
    :param size: a size class of the cluster, such as ``cx.large``: what the pod gets and may take; default: that of the project, or
        ``mx.micro``.
    :param lifecycle: ``spot`` or ``on-demand`` machines; default: that of the project, or ``on-demand``.
    :param identity: the service account of the pod, one of the project's workloads; default: the project's own.
    :param disk_size: a disk of its own for the pod, such as ``20Gi``, which goes with it; default: none.
    :param disk_mount_path: where the disk is.
    :param xcom_push: make what the program leaves a result: JSON of at most 4096 bytes that it writes to ``/dev/termination-log``,
        which ``TRUNKLINE_RESULT`` names. No other container is needed for it.
    :param xcom_key: the key of the result.
    :param workload: what the pod is counted as, in costs and pages; default: ``DAG.TASK``.
    :param user: the user id of the processes, for images whose user is root; default: that of the image.
    :param spot_retries: how often a pod that is lost with its spot machine is made again, without that being a retry of the task.
    :param startup_timeout_seconds: how long the pod may take until it runs, since machines may have to come.
    :param labels: further labels of the pod.
    :param node_selector: further labels of its machine.
    :param tolerations: further taints of machines that it puts up with.
    :param volumes: further volumes.
    :param volume_mounts: where they are.
    :param kwargs: arguments of ``KubernetesPodOperator`` and ``BaseOperator``, as far as they are not set here.
    """

    template_fields: Sequence[str] = KubernetesPodOperator.template_fields
    ui_color = "#d7e6f5"

    def __init__(
        self,
        *,
        image: str = "",
        command: Sequence[str] | None = None,
        arguments: Sequence[str] | None = None,
        env_vars: Mapping[str, str | SecretValue] | None = None,
        size: str = "",
        lifecycle: str = "",
        identity: str = "",
        disk_size: str = "",
        disk_mount_path: str = "/var/data",
        xcom_push: bool = False,
        xcom_key: str = "return_value",
        workload: str = "",
        user: int | None = None,
        spot_retries: int = 2,
        startup_timeout_seconds: int = 600,
        labels: Mapping[str, str] | None = None,
        node_selector: Mapping[str, str] | None = None,
        tolerations: Sequence[k8s.V1Toleration] = (),
        volumes: Sequence[k8s.V1Volume] = (),
        volume_mounts: Sequence[k8s.V1VolumeMount] = (),
        **kwargs: Any,
    ) -> None:
        self.project: Project = project(getattr(kwargs.get("dag"), "fileloc", "") or "")
        account = self.project.identity_of(identity)
        nodes = self.project.nodes(lifecycle)
        parts = pods.scratch()
        if disk_size:
            parts.add(pods.disk("disk", disk_size, disk_mount_path, self.project.labels))
        command = list(command or [])
        parts.add(pods.environment(self.project, account, env_vars or {}, command, size))
        if xcom_push:
            parts.env.append(k8s.V1EnvVar(name="TRUNKLINE_RESULT", value="/dev/termination-log"))
        kwargs.setdefault("log_pod_spec_on_failure", False)
        super().__init__(
            namespace=self.project.namespace,
            image=image or self.project.image_of(),
            cmds=[*parts.before, *command],
            arguments=list(arguments or []),
            env_vars=parts.env,
            volumes=[*parts.volumes, *volumes],
            volume_mounts=[*parts.mounts, *volume_mounts],
            init_containers=[*parts.init, *kwargs.pop("init_containers", [])],
            labels={**(labels or {}), **parts.labels},
            container_resources=pods.resources(self.project, size),
            node_selector={**nodes.node_selector, **(node_selector or {})},
            tolerations=[*pods.tolerations(self.project, lifecycle), *tolerations],
            service_account_name=account,
            automount_service_account_token=kwargs.pop("automount_service_account_token", False),
            security_context=pods.pod_security(user, writes=bool(disk_size)),
            container_security_context=pods.container_security(),
            base_container_name=pods.CONTAINER,
            startup_timeout_seconds=startup_timeout_seconds,
            do_xcom_push=False,  # which would be by a second container, of an image from elsewhere
            deferrable=False,  # no triggerer is needed
            **kwargs,
        )
        self.lifecycle = lifecycle or self.project.lifecycle
        self.xcom_push_result = xcom_push
        self.xcom_key = xcom_key
        self.workload = workload
        self.spot_retries = spot_retries

    def render_template_fields(self, context: Any, jinja_env: Any = None) -> None:
        """Render templates, in which ``trunkline`` is the project."""
        cast("MutableMapping[str, Any]", context).setdefault("trunkline", self.project)
        super().render_template_fields(context, jinja_env)

    def execute(self, context: Any) -> Any:
        """Run the pod to its end, and push its result."""
        self.run_pod(context)
        if self.xcom_push_result:
            context["ti"].xcom_push(key=self.xcom_key, value=pods.result_of(self._message()))

    def run_pod(self, context: Any) -> None:
        """Run the pod to its end, and once more if it was lost with its spot machine. One that does not succeed is a :class:`PodFailed`."""
        lost = 0
        while True:
            self.pod = self.remote_pod = self.pod_request_obj = None
            try:
                super().execute(context)
            except PodFailed as err:
                if err.reason.code not in LOST or self.lifecycle != "spot" or lost >= self.spot_retries:
                    raise
                lost += 1
                self.log.warning("%s; it is made again (%d of %d times)", err, lost, self.spot_retries)
            except ApiException as err:
                if self.pod is not None:
                    raise
                raise PodFailed(refused(err.status, str(err.body or err.reason or ""))) from None
            else:
                return

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """Make the pod, with the labels of its run."""
        workload = self.workload or f"{self.dag_id}.{self.task_id}"
        run = str((context or {}).get("run_id") or "")
        self.labels = {**(self.labels or {}), **pods.labels_of(self.project, workload, f"{self.dag_id}.{run}" if run else self.dag_id)}
        self.env_vars = [*self.variables(without="TRUNKLINE_WORKLOAD"), k8s.V1EnvVar(name="TRUNKLINE_WORKLOAD", value=workload)]
        return super().build_pod_request_obj(context, dry_run=dry_run)

    def variables(self, without: str = "") -> list[k8s.V1EnvVar]:
        """Return the variables of the container, without one of them."""
        return [v for v in cast("list[k8s.V1EnvVar]", self.env_vars) if v.name != without]

    def await_pod_start(self, pod: k8s.V1Pod) -> None:
        """Wait until the pod has started, and remember how it was then: it may be gone later."""
        super().await_pod_start(pod)
        self.remote_pod = self.pod_manager.read_pod(pod)

    def cleanup(self, pod: k8s.V1Pod, remote_pod: k8s.V1Pod, xcom_result: Any = None, context: Any = None) -> None:
        """Take the pod away, and say why it failed if it did."""
        if self._killed or not remote_pod:
            return
        pending = sys.exc_info()[1]
        seen, now = self._look(remote_pod)
        try:
            super().cleanup(pod, now, xcom_result, context)
        except AirflowSkipException:
            raise
        except AirflowException:
            raise PodFailed(_why(seen, pending)) from None

    def _look(self, pod: k8s.V1Pod) -> tuple[Seen, k8s.V1Pod]:
        """Look at a pod once more, before it is taken away. What cannot be read is left out: it is for the reason alone."""
        name, namespace, gone = pod.metadata.name, pod.metadata.namespace, False
        try:
            pod = self.client.read_namespaced_pod(name, namespace)
        except ApiException as err:
            gone = err.status == _NOT_FOUND
        plain = ApiClient().sanitize_for_serialization
        events: list[Any] = []
        if (pod.status.phase if pod.status else "") != "Succeeded":
            try:
                events = self.client.list_namespaced_event(namespace, field_selector=f"involvedObject.uid={pod.metadata.uid}").items
            except ApiException as err:
                self.log.info("the events of pod %s cannot be read: %s", name, err.reason)
        return Seen(plain(pod), tuple(plain(e) for e in events), gone=gone, spot=self.lifecycle == "spot"), pod

    def _message(self) -> str | None:
        """Return what the container left as its message."""
        for status in (self.remote_pod.status.container_statuses or []) if self.remote_pod else []:
            if status.name == pods.CONTAINER and status.state and status.state.terminated:
                return cast("str | None", status.state.terminated.message)
        return None
