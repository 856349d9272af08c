# SPDX-License-Identifier: Apache-2.0
"""What a task has to know of its project, its environment and its cluster.

Trunkline renders it as one file of JSON, ``.trunkline/context.json``, beside the files of the DAGs::

    {
      "version": 1,
      "platform": "acme", "project": "orders", "environment": "dev", "cluster": "eu-dev",
      "namespace": "orders-dev",                       where pods are made
      "labels": {"trunkline.dev/project": "orders"},   of every pod
      "image": "ghcr.io/acme/orders@sha256:...",       of the project; may be missing
      "images": {"base": "ghcr.io/acme/base:1"},       of the projects that it depends on or reads from
      "identity": "orders",                            the service account of tasks that name none
      "identities": ["loader", "orders"],              those that tasks may name
      "size": "mx.micro", "lifecycle": "on-demand",    of tasks that name none
      "sizes": {"mx.micro": {"cpu": "250m", "memory": "1024Mi"}},
      "spot": {"nodeSelector": {}, "tolerations": []}, how pods get to spot machines
      "stores": {"lake": "s3://acme-dev-lake"},
      "datasets": {"orders/raw@1": {"uri": "s3://...", "unit": "hourly", "manifests": "s3://..."}},
      "lotImage": "ghcr.io/acme/lot:1",                has the program lot; may be missing
      "secretStores": {"vault": {"provider": "vault", "resolve": "entrypoint"}}
    }

``unit`` and ``manifests`` are missing where nobody keeps lots; ``write`` is where a dataset is written, if that is another place.
``TRUNKLINE_CONTEXT`` names another file, for tests.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

FILE = ".trunkline/context.json"
VERSION = 1
VARIABLE = "TRUNKLINE_CONTEXT"


class ContextError(ValueError):
    """What is wrong with the context of a project, or is not in it."""


@dataclass(frozen=True)
class Size:
    """A size class: what a pod requests, and may take at most, as quantities of Kubernetes. An empty one is not bounded."""

    cpu: str = ""
    memory: str = ""


@dataclass(frozen=True)
class Nodes:
    """How pods get to some machines, as the spec of a pod has it."""

    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True)
class Dataset:
    """Where a dataset is read. ``unit`` is that of its lots, and ``manifests`` the store of their manifests: empty if it has none.

    ``write`` is where it is written, which is another place in the preview of a pull request alone.
    """

    uri: str
    write: str = ""
    unit: str = ""
    manifests: str = ""


@dataclass(frozen=True)
class Project:
    """A project in an environment on a cluster."""

    platform: str
    project: str
    environment: str
    cluster: str
    namespace: str
    labels: Mapping[str, str]
    image: str
    images: Mapping[str, str]
    identity: str
    identities: tuple[str, ...]
    size: str
    lifecycle: str
    sizes: Mapping[str, Size]
    spot: Nodes
    stores: Mapping[str, str]
    datasets: Mapping[str, Dataset]
    lot_image: str
    secret_stores: Mapping[str, Mapping[str, Any]]

    def image_of(self, project: str = "") -> str:
        """Return the image of the project, or of another one that it depends on or reads from."""
        if project in ("", self.project):
            if not self.image:
                raise ContextError(f"the project {self.project!r} has no image: declare one, or give the task its image")
            return self.image
        return _choose(self.images, project, "image of the project", "name the project in dependsOn, or read one of its datasets")

    def size_of(self, name: str = "") -> Size:
        """Return a size class of the cluster; default: that of the project."""
        return _choose(self.sizes, name or self.size, "size class", f"the cluster {self.cluster!r} has others")

    def identity_of(self, name: str = "") -> str:
        """Return a service account of the project; default: its own."""
        return _choose({n: n for n in self.identities}, name or self.identity, "identity", "a workload of the project has to name it")

    def dataset(self, name: str) -> Dataset:
        """Return a dataset by its name, such as ``orders/raw@1``; the project's own may leave the project out."""
        full = name if "/" in name else f"{self.project}/{name}"
        return _choose(self.datasets, full, "dataset", "a workload of the project has to read or write it")

    def folder(self, path: str) -> str:
        """Return the address of a path in a store, such as ``lake://spark-events/``; an address is returned as it is."""
        store, found, rest = path.partition("://")
        if not found or store not in self.stores:
            return path
        return self.stores[store].rstrip("/") + "/" + rest

    def nodes(self, lifecycle: str = "") -> Nodes:
        """Return how pods get to the machines of a lifecycle: ``spot`` or ``on-demand``; default: that of the project."""
        chosen = lifecycle or self.lifecycle
        if chosen not in ("spot", "on-demand"):
            raise ContextError(f"the lifecycle is {chosen!r}; want spot or on-demand")
        return self.spot if chosen == "spot" else Nodes()


_T = TypeVar("_T")


def _choose(of: Mapping[str, _T], name: str, what: str, hint: str) -> _T:
    if name in of:
        return of[name]
    there = ", ".join(sorted(of)[:20]) or "none"
    raise ContextError(f"there is no {what} {name!r} (there is: {there}): {hint}")


def parse(text: str | bytes, where: str = FILE) -> Project:
    """Read a context, and refuse one that is not as this module describes it. ``where`` is for messages."""
    try:
        read = json.loads(text)
    except ValueError as err:
        raise ContextError(f"{where} is no JSON: {err}") from err
    return _Reader(where).project(read)


class _Reader:
    """Reads values of JSON, and says where one is not what it has to be."""

    def __init__(self, where: str) -> None:
        self.where = where

    def wrong(self, path: str, want: str) -> ContextError:
        return ContextError(
            f"{self.where}: {path} is not {want}; Trunkline writes this file, and so the package may be older than Trunkline"
        )

    def text(self, of: Mapping[str, Any], key: str, *, needed: bool = True) -> str:
        value = of.get(key, "")
        if not isinstance(value, str) or (needed and not value):
            raise self.wrong(key, "a text")
        return value

    def table(self, of: Mapping[str, Any], key: str) -> dict[str, Any]:
        value = of.get(key, {})
        if not isinstance(value, dict):
            raise self.wrong(key, "a table")
        return value

    def texts(self, of: Mapping[str, Any], key: str) -> dict[str, str]:
        return {name: self.text(self.table(of, key), name, needed=False) for name in self.table(of, key)}

    def each(self, of: Mapping[str, Any], key: str, make: Callable[[dict[str, Any]], _T]) -> dict[str, _T]:
        table = self.table(of, key)
        for name, value in table.items():
            if not isinstance(value, dict):
                raise self.wrong(f"{key}.{name}", "a table")
        return {name: make(value) for name, value in table.items()}

    def names(self, of: Mapping[str, Any], key: str) -> tuple[str, ...]:
        value = of.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            raise self.wrong(key, "a list of texts")
        return tuple(value)

    def nodes(self, of: dict[str, Any]) -> Nodes:
        tolerations = of.get("tolerations", [])
        if not isinstance(tolerations, list) or not all(isinstance(t, dict) for t in tolerations):
            raise self.wrong("spot.tolerations", "a list of tables")
        return Nodes(self.texts(of, "nodeSelector"), tuple({k: self.text(t, k) for k in t} for t in tolerations))

    def dataset(self, of: dict[str, Any]) -> Dataset:
        uri = self.text(of, "uri")
        unit, manifests = self.text(of, "unit", needed=False), self.text(of, "manifests", needed=False)
        return Dataset(uri, self.text(of, "write", needed=False) or uri, unit, manifests)

    def project(self, read: Any) -> Project:
        if not isinstance(read, dict):
            raise self.wrong("it", "a table")
        if read.get("version") != VERSION:
            found = read.get("version")
            raise ContextError(
                f"{self.where} has the version {found!r}, and this package reads {VERSION}: install the package that belongs to Trunkline"
            )
        return Project(
            **{
                key: self.text(read, key)
                for key in ("platform", "project", "environment", "cluster", "namespace", "identity", "size", "lifecycle")
            },
            labels=self.texts(read, "labels"),
            image=self.text(read, "image", needed=False),
            images=self.texts(read, "images"),
            identities=self.names(read, "identities"),
            sizes=self.each(read, "sizes", lambda v: Size(self.text(v, "cpu", needed=False), self.text(v, "memory", needed=False))),
            spot=self.nodes(self.table(read, "spot")),
            stores=self.texts(read, "stores"),
            datasets=self.each(read, "datasets", self.dataset),
            lot_image=self.text(read, "lotImage", needed=False),
            secret_stores=self.each(read, "secretStores", lambda v: v),
        )


def find(dag_file: str = "") -> Path:
    """Return the context for a DAG: what ``TRUNKLINE_CONTEXT`` names, or the nearest in a folder above its file.

    Where the file is not known, it is the nearest of the files that call for which there is one: a function elsewhere may make the task.
    """
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named)
    callers = [*([Path(dag_file).resolve()] if dag_file else []), *_callers()]
    for file in callers:
        for folder in file.parents:
            if (folder / FILE).is_file():
                return folder / FILE
    start = callers[0].parent if callers else Path.cwd()
    raise ContextError(
        f"there is no {FILE} in {start} or a folder above: Trunkline puts it beside the files of DAGs; elsewhere, let {VARIABLE} name one"
    )


def _callers() -> Iterator[Path]:
    """Return the files that call, the nearest first, without those of this package and of Airflow itself."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 # as Airflow itself finds the file of a DAG
    seen: set[str] = set()
    while frame is not None:
        name = frame.f_code.co_filename
        top = str(frame.f_globals.get("__name__", "")).partition(".")[0]
        if name not in seen and top not in ("trunkline_airflow", "airflow") and Path(name).is_file():
            yield Path(name).resolve()
        seen.add(name)
        frame = frame.f_back


@lru_cache(maxsize=32)
def _read(path: Path, _changed: int) -> Project:
    return parse(path.read_bytes(), str(path))


def project(dag_file: str = "") -> Project:
    """Return the project of a DAG file; default: the one that calls."""
    path = find(dag_file)
    try:
        changed = path.stat().st_mtime_ns
    except OSError as err:
        raise ContextError(f"reading {path}: {err.strerror}") from err
    return _read(path, changed)


def image(name: str = "") -> str:
    """Return the image of the project of the DAG file that calls, or of another project that it depends on or reads from."""
    return project().image_of(name)
