# SPDX-License-Identifier: Apache-2.0
"""Tasks of Apache Airflow in projects of Trunkline.

Tasks run as pods in the namespace of their project, of the size classes of its cluster, as its service accounts, and with the
labels by which Trunkline counts what they cost. What a task has to know of its project stands beside the files of its DAG;
see ``trunkline_airflow.context``. Nothing is imported before it is used: Airflow loads the secrets backend before itself.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trunkline_airflow.context import Project, image, project
    from trunkline_airflow.dbt import DbtTaskGroup
    from trunkline_airflow.operators import ContainerOperator
    from trunkline_airflow.pods import PodFailed, SecretValue
    from trunkline_airflow.sensors import ContainerSensor, LotSensor
    from trunkline_airflow.spark import SparkOperator

__all__ = [
    "ContainerOperator",
    "ContainerSensor",
    "DbtTaskGroup",
    "LotSensor",
    "PodFailed",
    "Project",
    "SecretValue",
    "SparkOperator",
    "image",
    "project",
]

_MODULES = {
    "ContainerOperator": "operators",
    "ContainerSensor": "sensors",
    "DbtTaskGroup": "dbt",
    "LotSensor": "sensors",
    "PodFailed": "pods",
    "Project": "context",
    "SecretValue": "pods",
    "SparkOperator": "spark",
    "image": "context",
    "project": "context",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
