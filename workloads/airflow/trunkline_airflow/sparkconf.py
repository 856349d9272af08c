# SPDX-License-Identifier: Apache-2.0
"""What Spark is told by the operator, as the blueprint spark-job tells it. Pure functions.

``OWN`` and the division of memory are those of Trunkline's package api/spark; a test holds them to it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Committer = Literal["file", "magic", "manifest"]

OWN: Mapping[str, str] = {
    "spark.master": "",
    "spark.submit.": "",
    "spark.app.id": "",
    "spark.app.name": "",
    "spark.driver.host": "",
    "spark.driver.bindAddress": "",
    "spark.driver.memory": "driver_size",
    "spark.driver.memoryOverhead": "overhead_factor",
    "spark.driver.memoryOverheadFactor": "overhead_factor",
    "spark.driver.cores": "driver_size",
    "spark.executor.instances": "executors",
    "spark.executor.cores": "executor_tasks",
    "spark.executor.memory": "executor_size",
    "spark.executor.memoryOverhead": "overhead_factor",
    "spark.executor.memoryOverheadFactor": "overhead_factor",
    "spark.executor.pyspark.memory": "overhead_factor",
    "spark.dynamicAllocation.enabled": "executors",
    "spark.dynamicAllocation.minExecutors": "executors",
    "spark.dynamicAllocation.maxExecutors": "executors",
    "spark.eventLog.enabled": "event_logs",
    "spark.eventLog.dir": "event_logs",
    "spark.sql.streaming.checkpointLocation": "",
    "spark.kubernetes.namespace": "",
    "spark.kubernetes.authenticate.": "",
    "spark.kubernetes.container.image": "image",
    "spark.kubernetes.driver.": "",
    "spark.kubernetes.executor.label.": "",
    "spark.kubernetes.executor.podTemplateFile": "",
    "spark.kubernetes.executor.podTemplateContainerName": "",
    "spark.kubernetes.executor.request.cores": "executor_size",
    "spark.kubernetes.executor.limit.cores": "executor_size",
    "spark.kubernetes.executor.container.image": "image",
    "spark.kubernetes.executor.disableConfigMap": "",
    "spark.kubernetes.node.selector.": "lifecycle or zone",
}
"""The keys that the operator sets itself, each with the argument to give instead. One that ends in "." is all below it."""

_MIN_HEAP = 450
_FACTORS = {True: 0.4, False: 0.1}
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


@dataclass(frozen=True)
class Process:
    """A driver or an executor: the cores that it works on at a time, its heap, and what is left of the pod's memory beside it, in MiB."""

    cpu: str
    memory: str
    cores: int
    heap: int
    overhead: int


def process(cpu: str, memory: str, *, python: bool, factor: float | None = None, tasks: int | None = None) -> Process:
    """Divide what a pod has. ``factor`` is the part of the heap that is left beside it: default, 0.4 for Python and 0.1 on a JVM."""
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)(k|M|G|T|Ki|Mi|Gi|Ti)?", memory)
    if parts is None:
        raise ValueError(f"the memory of a size is {memory!r}; want one such as 2048Mi")
    mib = int(float(parts[1]) * _UNITS[parts[2] or ""]) >> 20
    heap = int(mib / (1 + (factor if factor is not None else _FACTORS[python])))
    if heap < _MIN_HEAP:
        raise ValueError(
            f"of {memory} of memory a JVM gets {heap} MiB, and Spark starts with {_MIN_HEAP} MiB at least: choose a larger size"
        )
    cores = float(cpu[:-1]) / 1000 if cpu.endswith("m") else float(cpu or 1)
    return Process(cpu, memory, tasks or max(1, math.ceil(cores)), heap, mib - heap)


def check(conf: Mapping[str, object]) -> None:
    """Refuse keys that the operator sets itself."""
    for key in sorted(conf):
        if not key.startswith("spark."):
            raise ValueError(f"{key!r} is no key of Spark's configuration, which begin with spark.")
        for own, instead in OWN.items():
            if key == own or (own.endswith(".") and key.startswith(own)):
                raise ValueError(f"the operator sets {key} itself" + (f": say it by {instead}" if instead else ""))


def committing(committer: Committer) -> dict[str, str]:
    """Return the configuration of a committer."""
    if committer == "file":
        return {"spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "1"}
    if committer not in ("magic", "manifest"):
        raise ValueError(f"the committer is {committer!r}; want file, magic or manifest")
    conf = {
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    }
    factory = "spark.hadoop.mapreduce.outputcommitter.factory.scheme."
    if committer == "magic":
        conf |= {"spark.hadoop.fs.s3a.committer.name": "magic", "spark.hadoop.fs.s3a.committer.magic.enabled": "true"}
        conf |= {f"{factory}{scheme}": "org.apache.hadoop.fs.s3a.commit.S3ACommitterFactory" for scheme in ("s3", "s3a")}
        return conf
    conf |= {f"{factory}{scheme}": "org.apache.hadoop.fs.azurebfs.commit.AzureManifestCommitterFactory" for scheme in ("abfs", "abfss")}
    return conf | {f"{factory}gs": "org.apache.hadoop.mapreduce.lib.output.committer.manifest.ManifestCommitterFactory"}


def executing(executors: int | tuple[int, int]) -> dict[str, str]:
    """Return the configuration of how many executors there are: as many, or as Spark decides between two numbers."""
    if isinstance(executors, int):
        if executors < 1:
            raise ValueError(f"there are {executors} executors; want one at least")
        return {"spark.executor.instances": str(executors)}
    least, most = executors
    if not 0 <= least <= most or most < 1:
        raise ValueError(f"there are from {least} to {most} executors; want at least 0, and at most no fewer than that")
    return {
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": str(least),
        "spark.dynamicAllocation.maxExecutors": str(most),
    }


def decommissioning() -> dict[str, str]:
    """Return the configuration by which executors that are told to go hand over what they have."""
    storage = "spark.storage.decommission."
    return dict.fromkeys(
        ("spark.decommission.enabled", f"{storage}enabled", f"{storage}rddBlocks.enabled", f"{storage}shuffleBlocks.enabled"), "true"
    )


def hadoop(address: str) -> str:
    """Return an address as Hadoop's file systems call it."""
    return "s3a://" + address[len("s3://") :] if address.startswith("s3://") else address


def common(
    name: str, driver: Process, committer: Committer, event_logs: str, jars: Sequence[str], py_files: Sequence[str]
) -> dict[str, object]:
    """Return the configuration that a driver has wherever its executors are. Event logs are written to a folder; empty for none."""
    conf: dict[str, object] = {
        "spark.app.name": name,
        "spark.sql.warehouse.dir": "/tmp/spark-warehouse",  # noqa: S108 # of the pod
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        "spark.driver.memory": f"{driver.heap}m",
        **committing(committer),
    }
    if event_logs:
        conf |= {"spark.eventLog.enabled": "true", "spark.eventLog.dir": event_logs, "spark.eventLog.rolling.enabled": "true"}
    if jars:
        conf["spark.jars"] = ",".join(jars)
    if py_files:
        conf["spark.submit.pyFiles"] = ",".join(py_files)
    return conf


def clustered(namespace: str, image: str, executor: Process, template: str, container: str) -> dict[str, str]:
    """Return the configuration by which a driver makes its executors as pods, of a template that is in a file."""
    return {
        "spark.kubernetes.driver.ownPersistentVolumeClaim": "false",
        "spark.kubernetes.driver.reusePersistentVolumeClaim": "false",
        "spark.kubernetes.driver.service.deleteOnTermination": "false",
        "spark.kubernetes.executor.disableConfigMap": "true",
        "spark.executor.cores": str(executor.cores),
        "spark.executor.memory": f"{executor.heap}m",
        "spark.executor.memoryOverhead": f"{executor.overhead}m",
        "spark.kubernetes.namespace": namespace,
        "spark.kubernetes.container.image": image,
        "spark.kubernetes.executor.request.cores": executor.cpu,
        "spark.kubernetes.executor.limit.cores": executor.cpu,
        "spark.kubernetes.executor.podTemplateFile": template,
        "spark.kubernetes.executor.podTemplateContainerName": container,
    }


def said(executor: Process, *, spot: bool) -> dict[str, str]:
    """Return what the pod of a driver says of its executors, for the reasons of failures."""
    of = "spark.trunkline.dev/executor"
    return {f"{of}-heap": f"{executor.heap}Mi", f"{of}-memory": executor.memory, **({f"{of}s": "spot"} if spot else {})}


def text(value: object) -> str:
    """Return a value as Spark reads it."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def properties(conf: Mapping[str, object]) -> str:
    """Return a configuration as a file of Java's properties."""
    lines = []
    for key in sorted(conf):
        escaped = text(conf[key]).replace("\\", "\\\\").replace("\n", "\\n")
        lines.append(f"{key}={escaped}\n")
    return "".join(lines)
