# SPDX-License-Identifier: Apache-2.0
"""The operator that runs an application of Apache Spark in the namespace of its project, with the pods of the blueprint spark-job."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal

from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from trunkline_airflow import pods, sparkconf
from trunkline_airflow.context import Project, project
from trunkline_airflow.operators import ContainerOperator
from trunkline_airflow.pods import SecretValue

_FOLDER = "/tmp/trunkline-spark"  # noqa: S108 # of the pod
_ZONE = "topology.kubernetes.io/zone"

# The pod has no ConfigMap, which Airflow would have to make and to take away: its files are in its variables.
_TEMPLATE = f"{_FOLDER}/executor.yaml"
_UNPACK = f"""set -e
mkdir -p {_FOLDER}
cd {_FOLDER}
printf %s "$SUBMIT_PROPERTIES" >spark.properties
printf %s "$SUBMIT_EXECUTOR" >executor.yaml
printf %s "$SUBMIT_SCRIPT" >submit.sh
cd /tmp
unset SUBMIT_PROPERTIES SUBMIT_EXECUTOR SUBMIT_SCRIPT
exec /bin/sh {_FOLDER}/submit.sh "$@"
"""
_LOCAL = 'exec "${SPARK_HOME:-/opt/spark}/bin/spark-submit" --master "local[$SUBMIT_CORES]" ${SUBMIT_CLASS:+--class "$SUBMIT_CLASS"} "$@"'


class SparkOperator(ContainerOperator):
    """Runs an application of Spark: a pod of the driver, which makes its executors as pods beside it.

    The account of the task needs a Role by which it may make pods, as docs/airflow-operators.md has it.

    :param application: the file that is run, in the image: ``local:///opt/app/clean.py`` or ``/opt/app/clean.jar``, or an address.
    :param application_args: its arguments.
    :param main_class: the class that is run, of a jar.
    :param conf: more of Spark's configuration. What the operator sets itself is refused.
    :param executors: how many there are, or from how many to how many, as Spark decides: ``2`` or ``(0, 20)``.
    :param driver_size: the size class of the driver; default: ``mx.small``.
    :param executor_size: that of an executor; default: ``mx.small``.
    :param executor_tasks: how many tasks an executor works on at a time; default: one for each core.
    :param executor_disk_size: a disk of its own for what each executor writes between steps, such as ``50Gi``; default: the machine's.
    :param overhead_factor: what of the heap is left beside it in a pod's memory; default: 0.4 for Python, and 0.1 on a JVM.
    :param lifecycle: ``spot`` is for executors alone: the driver is never on a spot machine, because all is lost with it.
    :param mode: ``cluster``: with executors; ``local``: in the pod of the driver alone.
    :param committer: how files are put into their places: ``file``, ``magic`` for S3, ``manifest`` for Azure and Google Cloud.
    :param zone: the availability zone of all pods, so that nothing is sent between zones; default: any.
    :param event_logs: the folder of event logs, such as ``lake://spark-events/``; default: none are written.
    :param history: the address of the history server that reads them.
    :param jars: further jars, as paths in the image or addresses.
    :param py_files: further modules of Python.
    :param executor_command: what starts an executor instead of the entry point of the image.
    :param verbose: have spark-submit say what it does.
    :param kwargs: those of :class:`ContainerOperator`, but ``command``, ``arguments``, ``size`` and ``xcom_push``.
    """

    ui_color = "#f5e6d7"

    def __init__(
        self,
        *,
        application: str,
        application_args: Sequence[str] = (),
        main_class: str = "",
        conf: Mapping[str, str | float | bool] | None = None,
        executors: int | tuple[int, int] = 2,
        driver_size: str = "mx.small",
        executor_size: str = "mx.small",
        executor_tasks: int | None = None,
        executor_disk_size: str = "",
        overhead_factor: float | None = None,
        lifecycle: str = "",
        mode: Literal["cluster", "local"] = "cluster",
        committer: sparkconf.Committer = "file",
        zone: str = "",
        event_logs: str = "",
        history: str = "",
        jars: Sequence[str] = (),
        py_files: Sequence[str] = (),
        executor_command: Sequence[str] = (),
        verbose: bool = False,
        image: str = "",
        identity: str = "",
        env_vars: Mapping[str, str | SecretValue] | None = None,
        user: int = 185,
        annotations: Mapping[str, str] | None = None,
        node_selector: Mapping[str, str] | None = None,
        **kwargs: Any,
    ) -> None:
        for own in ("command", "arguments", "size", "xcom_push"):
            if own in kwargs:
                raise TypeError(f"a SparkOperator has no argument {own!r}")
        if mode not in ("cluster", "local"):
            raise ValueError(f"the mode is {mode!r}; want cluster or local")
        here = project(getattr(kwargs.get("dag"), "fileloc", "") or "")
        sparkconf.check(conf or {})
        python = application.endswith(".py")
        driver = _process(here, driver_size, python=python, factor=overhead_factor)
        spot = mode == "cluster" and (lifecycle or here.lifecycle) == "spot"
        here.nodes(lifecycle)  # refuses one that there is not
        told = sparkconf.common(
            str(kwargs.get("task_id", "spark")), driver, committer, sparkconf.hadoop(here.folder(event_logs)), jars, py_files
        )
        said = {**(annotations or {}), "spark.trunkline.dev/driver-heap": f"{driver.heap}Mi"}
        if history:
            said["spark.trunkline.dev/history"] = history
        if mode == "cluster":
            executor = _process(here, executor_size, python=python, factor=overhead_factor, tasks=executor_tasks)
            said |= sparkconf.said(executor, spot=spot)
            told |= sparkconf.executing(executors) | sparkconf.clustered(
                here.namespace, image or here.image_of(), executor, _TEMPLATE, pods.CONTAINER
            )
            told |= sparkconf.decommissioning() if spot else {}
        told |= conf or {}
        self._told = told
        self._pods = _Executors(
            here,
            image=image or here.image_of(),
            size=executor_size,
            lifecycle="spot" if spot else "on-demand",
            disk_size=executor_disk_size,
            zone=zone,
            command=tuple(executor_command),
            env_vars={k: v for k, v in (env_vars or {}).items() if not isinstance(v, SecretValue) or not v.store},
            identity=identity,
            user=user,
        )
        options = ["--verbose"] if verbose else []
        if mode == "local":
            options += [a for key, value in sorted(told.items()) for a in ("--conf", f"{key}={sparkconf.text(value)}")]
        super().__init__(
            image=image,
            identity=identity,
            env_vars=env_vars,
            user=user,
            size=driver_size,
            lifecycle="on-demand",
            command=["/bin/sh", "-c", _LOCAL if mode == "local" else _UNPACK, "submit"],
            arguments=[*options, application, *application_args],
            annotations=said,
            node_selector={**({_ZONE: zone} if zone else {}), **(node_selector or {})},
            automount_service_account_token=mode == "cluster",
            **kwargs,
        )
        self.mode = mode
        given = (("SUBMIT_CLASS", main_class), ("SUBMIT_HISTORY", history.rstrip("/")), ("SUBMIT_CORES", str(driver.cores)))
        for name, value in given:
            if value:
                self._set(name, value)
        for name, path in (
            ("SUBMIT_POD", "metadata.name"),
            ("SUBMIT_IP", "status.podIP"),
            ("SUBMIT_RUN", "metadata.labels['trunkline.dev/run']"),
        ):
            source = k8s.V1EnvVarSource(field_ref=k8s.V1ObjectFieldSelector(field_path=path))
            self.env_vars = [*self.variables(), k8s.V1EnvVar(name=name, value_from=source)]

    def _set(self, name: str, value: str) -> None:
        """Set a variable, in the place of one that is there."""
        self.env_vars = [*self.variables(without=name), k8s.V1EnvVar(name=name, value=value)]

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """Make the pod of the driver, with its files."""
        if self.mode == "cluster":
            self.labels = {**(self.labels or {}), "spark.trunkline.dev/role": "driver"}
            workload = self.workload or f"{self.dag_id}.{self.task_id}"
            run = str((context or {}).get("run_id") or "")
            labels = pods.labels_of(self.project, workload, f"{self.dag_id}.{run}" if run else self.dag_id)
            script = files("trunkline_airflow").joinpath("submit.sh").read_text()
            # "$(NAME)" in a value of a variable would be another variable.
            for name, text in (
                ("SUBMIT_PROPERTIES", sparkconf.properties(self._told)),
                ("SUBMIT_EXECUTOR", json.dumps(self._pods.template(labels), sort_keys=True)),
                ("SUBMIT_SCRIPT", script),
            ):
                self._set(name, text.replace("$(", "$$("))
        return super().build_pod_request_obj(context, dry_run=dry_run)


def _process(here: Project, size: str, *, python: bool, factor: float | None, tasks: int | None = None) -> sparkconf.Process:
    found = here.size_of(size)
    return sparkconf.process(found.cpu, found.memory, python=python, factor=factor, tasks=tasks)


class _Executors:
    """What the pods of executors are: on spot machines if the task is, with its variables, and without a token."""

    def __init__(
        self,
        here: Project,
        *,
        image: str,
        size: str,
        lifecycle: str,
        disk_size: str,
        zone: str,
        command: Sequence[str],
        env_vars: Mapping[str, str | SecretValue],
        identity: str,
        user: int,
    ) -> None:
        self.here, self.image, self.size, self.lifecycle, self.disk_size = here, image, size, lifecycle, disk_size
        self.zone, self.command, self.env_vars, self.identity, self.user = zone, command, env_vars, identity, user

    def template(self, labels: Mapping[str, str]) -> dict[str, Any]:
        """Return the template of their pods. Spark fills in what they take."""
        parts = pods.scratch()
        if self.disk_size:  # a volume that is named so is where Spark writes
            parts.add(pods.disk("spark-local-dir-1", self.disk_size, "/var/data", self.here.labels))
        account = self.here.identity_of(self.identity)
        parts.add(pods.environment(self.here, account, self.env_vars, [], self.size))
        nodes = self.here.nodes(self.lifecycle)
        pod = k8s.V1Pod(
            api_version="v1",
            kind="Pod",
            metadata=k8s.V1ObjectMeta(labels={k: v for k, v in labels.items() if k != "trunkline.dev/run"}),
            spec=k8s.V1PodSpec(
                service_account_name=account,
                automount_service_account_token=False,
                enable_service_links=False,
                restart_policy="Never",
                security_context=pods.pod_security(self.user, writes=bool(self.disk_size)),
                node_selector={**nodes.node_selector, **({_ZONE: self.zone} if self.zone else {})},
                tolerations=pods.tolerations(self.here, self.lifecycle),
                volumes=parts.volumes,
                containers=[
                    k8s.V1Container(
                        name=pods.CONTAINER,
                        image=self.image,
                        command=list(self.command) or None,
                        working_dir="/tmp",  # noqa: S108 # of the pod
                        env=parts.env,
                        resources=pods.resources(self.here, self.size),
                        security_context=pods.container_security(),
                        volume_mounts=parts.mounts,
                    )
                ],
            ),
        )
        plain: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
        return plain
