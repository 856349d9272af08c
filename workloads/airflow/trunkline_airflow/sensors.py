# SPDX-License-Identifier: Apache-2.0
"""Sensors: containers that are run until they say that what is waited for is there, and lots of datasets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from airflow.sdk.bases.sensor import BaseSensorOperator
from kubernetes.client import models as k8s

from trunkline_airflow.context import ContextError, project
from trunkline_airflow.lots import UNITS, lots_of_run
from trunkline_airflow.operators import ContainerOperator
from trunkline_airflow.pods import PodFailed
from trunkline_airflow.reasons import LOST

NOT_THERE = 3
"""What ``lot state`` ends with if a lot is not there yet."""


class ContainerSensor(ContainerOperator, BaseSensorOperator):
    """Runs a container again and again, until it ends with 0.

    A program that ends with something else is run again after ``poke_interval``, and so is a pod that is lost with its machine. A container
    that cannot be started, that takes too much memory or that has to wait for a secret that is not there fails at once, with its reason.

    :param poke_on: the exit codes by which a program says "not yet"; others are failures. Default: all.
    :param poke_interval: the seconds between two runs; default: 60.
    :param timeout: the seconds after which it fails, or is skipped with ``soft_fail``; default: a week, as Airflow has it.
    :param mode: ``poke`` holds a slot of a worker all the time; ``reschedule`` gives it back between runs.
    :param kwargs: those of :class:`ContainerOperator` and of Airflow's ``BaseSensorOperator``.
    """

    def __init__(self, *, poke_on: Collection[int] | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poke_on = None if poke_on is None else frozenset(poke_on)

    def execute(self, context: Any) -> Any:
        """Poke until it is there."""
        return BaseSensorOperator.execute(self, context)

    def poke(self, context: Any) -> bool:
        """Run the container once, and report whether it ended with 0."""
        try:
            self.run_pod(context)
        except PodFailed as err:
            code = err.reason.exit_code
            waits = err.reason.code == "exit" and code is not None and (self.poke_on is None or code in self.poke_on)
            if not waits and err.reason.code not in LOST:
                raise
            self.log.info("not yet: %s", err)
            return False
        return True


class LotSensor(ContainerSensor):
    """Waits until lots of a dataset are there: complete, or empty. Those that are partial or were removed are not.

    The program ``lot`` looks, as a pod of the project, so that Airflow needs no right on a store.

    :param dataset: the dataset, such as ``orders/raw@1``; the project's own may leave the project out. A workload of the project has to
        read or write it, which is what gives its account the right to look.
    :param lot: the id of a lot, or several with spaces between, as a template. Default: those that the run is for: of the events of the
        dataset's asset that started it, or else all of its data interval; of a run without length, the last lot that had ended.
    :param image: an image with the program ``lot``; default: the ``lotImage`` of the environment.
    :param size: its size class; default: ``mx.nano``.
    :param kwargs: those of :class:`ContainerSensor`, but ``command``, ``arguments`` and ``poke_on``.
    """

    template_fields: Sequence[str] = (*ContainerSensor.template_fields, "lot")

    def __init__(self, *, dataset: str, lot: str = "", image: str = "", size: str = "", **kwargs: Any) -> None:
        here = project(getattr(kwargs.get("dag"), "fileloc", "") or "")
        found = here.dataset(dataset)
        name = dataset if "/" in dataset else f"{here.project}/{dataset}"
        if not found.manifests or found.unit not in UNITS:
            raise ContextError(f"nobody keeps lots of the dataset {name!r} in the environment {here.environment!r}")
        image = image or here.lot_image
        if not image:
            raise ContextError(f"the environment {here.environment!r} has no lotImage, which looks for lots")
        size = size or ("mx.nano" if "mx.nano" in here.sizes else "")
        command = ["lot", "state", "--manifests", found.manifests, "--location", found.uri, name.partition("/")[2]]
        super().__init__(image=image, size=size, command=command, poke_on={NOT_THERE}, **kwargs)
        self.dataset = name
        self.unit = found.unit
        self.lot = lot

    def build_pod_request_obj(self, context: Any = None, *, dry_run: bool = False) -> k8s.V1Pod:
        """Make the pod, for the lots of the run."""
        self.arguments = self.lot.split() or lots_of_run(self.unit, self.dataset, context or {})
        return super().build_pod_request_obj(context, dry_run=dry_run)
