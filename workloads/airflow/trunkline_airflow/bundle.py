# SPDX-License-Identifier: Apache-2.0
"""Bundles of DAGs that Trunkline deploys: one for each project of an environment.

A project's DAG files are an immutable ConfigMap in the namespace of the project, whose name ends in a digest of them: the version. The
ConfigMap ``trunkline-dags`` beside it says which one is deployed. Which projects there are stands in a ConfigMap in the namespace of
Airflow, so that Airflow needs no rights beyond those namespaces.

Trunkline removes an older version with the commit that replaces it. The DAG processor keeps a copy of each version that it has seen in
the namespace of Airflow, until some days after the last run that began with it has ended: see ``trunkline_airflow.processor``.

Airflow has to be told each bundle by name before it starts. It is told one, ``trunkline``, that stands for all projects: once this
module is loaded, which Airflow does when it first asks for its bundles, a manager of bundles has one for each project in place of it.
"""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import ItemsView, Iterator, KeysView
from pathlib import Path, PurePosixPath
from typing import Any

from airflow.dag_processing.bundles import manager
from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion

from trunkline_airflow.kube import Cluster, KubeError

ALL = "trunkline"
"""The bundle of Airflow's configuration that stands for those of all projects."""
CURRENT = "trunkline-dags"
"""The ConfigMap of a project that says which version is deployed."""
INDEX = "trunkline.index"
"""The key of the ConfigMap of a version that says which file each other key is."""
LABEL = "airflow.trunkline.dev/bundle"
"""The label of copies: the name of the bundle."""
VARIABLE = "TRUNKLINE_AIRFLOW"
"""Has the name of the workload that runs Airflow, which the names of its own ConfigMaps begin with."""

_VERSION = re.compile(r"^[0-9a-f]{16}$")
_FRESH = 5.0


class BundleError(RuntimeError):
    """A bundle is not there, or is not as this module expects it."""


class Source:
    """Where bundles are: the ConfigMaps of projects, and the copies of versions."""

    def __init__(self, cluster: Cluster | None = None, workload: str | None = None) -> None:
        self.cluster = cluster or Cluster.own()
        self.workload = workload or os.environ.get(VARIABLE, "")
        if not self.workload:
            raise BundleError(f"{VARIABLE} is not set: the blueprint airflow sets it to the name of its workload")

    def projects(self) -> dict[str, str]:
        """Return the namespace of each project that has DAGs."""
        found = self.cluster.get(self.cluster.namespace, f"{self.workload}-bundles")
        if found is None:
            raise BundleError(f"the ConfigMap {self.workload}-bundles is not there")
        return dict(found.get("data") or {})

    def current(self, name: str) -> str:
        """Return the version of a bundle that is deployed; empty if none is yet."""
        namespace = self.projects().get(name)
        found = self.cluster.get(namespace, CURRENT) if namespace else None
        version = str(((found or {}).get("data") or {}).get("version", ""))
        return version if _VERSION.match(version) else ""

    def copy_name(self, name: str, version: str) -> str:
        """Return the name of the copy of a version."""
        return f"{self.workload}-dags-{name}-{version}"

    def keep(self, name: str, version: str) -> dict[str, Any]:
        """Make the copy of a version unless it is there, and return what is in it."""
        own = self.cluster.namespace
        found = self.cluster.get(own, self.copy_name(name, version))
        if found is not None:
            return found
        namespace = self.projects().get(name)
        found = self.cluster.get(namespace, f"{CURRENT}-{version}") if namespace else None
        if found is None:
            raise BundleError(f"version {version} of the DAGs of {name} is gone: the next look finds the one that replaced it")
        copy = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "immutable": True,
            "data": found.get("data") or {},
            "binaryData": found.get("binaryData") or {},
        }
        copy["metadata"] = {"name": self.copy_name(name, version), "labels": {LABEL: name, "app.kubernetes.io/name": self.workload}}
        self.cluster.create(own, copy)
        return copy

    def kept(self, name: str, version: str) -> dict[str, Any]:
        """Return what is in a version, from its copy."""
        found = self.cluster.get(self.cluster.namespace, self.copy_name(name, version))
        if found is None:
            raise BundleError(
                f"version {version} of the DAGs of {name} is not kept any more: clear the run with its latest version, "
                "or keep versions for longer (keepVersions)"
            )
        return found


def unpack(config_map: dict[str, Any], folder: Path) -> None:
    """Write the files of a version into a folder, and see to it that Airflow takes no others than the DAG files for DAG files."""
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    try:
        index = json.loads(data[INDEX])
        files, dags = dict(index["files"]), [str(d) for d in index["dags"]]
    except (KeyError, TypeError, ValueError) as err:
        raise BundleError(f"the ConfigMap {config_map['metadata']['name']} is not a version of DAGs: {err}") from err
    for key, name in files.items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise BundleError(f"the file {name!r} leads out of its bundle")
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data[key].encode() if key in data else base64.b64decode(binary[key]))
    ignore = folder / ".airflowignore"
    own = ignore.read_text() if ignore.exists() else ""
    # What the patterns of the project do not name is a module for others to import. What its own file ignores stays ignored.
    ignore.write_text("\n".join(["*.py", "*.zip", *("!/" + _literal(d) for d in dags), own]))


def _literal(path: str) -> str:
    return re.sub(r"([\\*?\[\]!# ])", r"\\\1", path)


class ProjectBundle(BaseDagBundle):
    """The DAGs of a project, as Trunkline has deployed them."""

    supports_versioning = True

    def __init__(self, *, source: Source | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._source = source
        self._current = self.version or ""

    @property
    def source(self) -> Source:
        """Where it is."""
        if self._source is None:
            self._source = Source()
        return self._source

    def initialize(self) -> None:
        if self.version:
            self._provide(self.version, kept=True)
        elif not self._current:
            self.refresh()
        super().initialize()

    def refresh(self) -> None:
        if self.version:
            raise BundleError(f"version {self.version} of {self.name} does not change: only what is deployed is refreshed")
        with self.lock():
            version = self.source.current(self.name)
            if not version:
                raise BundleError(f"the DAGs of {self.name} are not deployed yet")
            if version != self._current:
                self._provide(version, kept=False)
                self._current = version

    def get_current_version(self) -> BundleVersion:
        return BundleVersion(version=self._current)

    @property
    def path(self) -> Path:
        return self.versions_dir / (self._current or "none")

    def _provide(self, version: str, *, kept: bool) -> None:
        """Have the files of a version on this machine, as a whole or not at all."""
        folder = self.versions_dir / version
        if folder.exists():
            if not kept:
                self.source.keep(self.name, version)
            return
        config_map = self.source.kept(self.name, version) if kept else self.source.keep(self.name, version)
        self.versions_dir.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=self.versions_dir, prefix=".new-"))
        try:
            unpack(config_map, made)
            made.chmod(0o755)
            try:
                made.rename(folder)
            except OSError:
                if not folder.exists():
                    raise
        finally:
            shutil.rmtree(made, ignore_errors=True)


class Projects(dict[str, Any]):
    """What a manager of bundles is configured with, in which the bundle ``trunkline`` stands for those of all projects.

    A bundle is found by any name: a task is told which one it is of, and need not ask which others there are.
    """

    _known: tuple[float, tuple[str, ...]] = (-_FRESH, ())

    def names(self) -> tuple[str, ...]:
        """Return the names of all bundles, as they were a few seconds ago at most."""
        declared = tuple(name for name in super().keys() if name != ALL)  # noqa: SIM118 # of the table itself
        if not super().__contains__(ALL):
            return declared
        at, known = self._known
        if time.monotonic() - at >= _FRESH:
            known = tuple(sorted(Source().projects()))
            self._known = (time.monotonic(), known)
        return declared + known

    def __missing__(self, name: str) -> Any:
        return super().__getitem__(ALL)

    def get(self, name: str, default: Any = None) -> Any:
        if super().__contains__(name):
            return super().__getitem__(name)
        return super().get(ALL, default)

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def keys(self) -> KeysView[str]:  # type: ignore[override] # those of a table that is made for it
        return dict.fromkeys(self.names()).keys()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override] # the same
        return {name: self.get(name) for name in self.names()}.items()


class _Configured:
    """The configuration of a manager of bundles. Being of the class, it is found before what a manager holds itself."""

    def __get__(self, holder: Any, owner: Any = None) -> Any:
        if holder is None:
            return self
        held = holder.__dict__.get("_bundle_config", {})
        if not isinstance(held, Projects):
            held = holder.__dict__["_bundle_config"] = Projects(held)
        return held

    def __set__(self, holder: Any, value: dict[str, Any]) -> None:
        holder.__dict__["_bundle_config"] = Projects(value)


manager.DagBundlesManager._bundle_config = _Configured()  # type: ignore[assignment] # noqa: SLF001 # see the head of the file

__all__ = ["ALL", "BundleError", "KubeError", "ProjectBundle", "Projects", "Source", "unpack"]
