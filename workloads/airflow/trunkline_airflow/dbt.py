# SPDX-License-Identifier: Apache-2.0
"""A group of tasks for the models of a dbt project, by the manifest that dbt writes."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import BaseOperator, TaskGroup

from trunkline_airflow.operators import ContainerOperator

MANIFEST = 12
"""The version of manifests that is read: that of dbt 1.8 and later."""

_COMMANDS = {"model": "run", "seed": "seed", "snapshot": "snapshot"}
_TASK_ID = 200

Tests = Literal["gate", "after", "none"]


class ManifestError(ValueError):
    """What is wrong with a manifest of dbt."""


@dataclass(frozen=True)
class Step:
    """What one task does: ``command`` is that of dbt, and ``model`` what it selects. ``after`` are the ids of what it comes after."""

    id: str
    name: str
    command: str
    model: str
    after: frozenset[str] = field(default_factory=frozenset)


def read(path: Path) -> dict[str, Any]:
    """Read a manifest, and refuse what is none or of another version."""
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as err:
        raise ManifestError(
            f'reading the manifest {path}: {err.strerror}: have "dbt parse" write it, and commit it beside the DAG'
        ) from err
    except ValueError as err:
        raise ManifestError(f"the manifest {path} is no JSON: {err}") from err
    if not isinstance(manifest, dict):
        raise ManifestError(f"the manifest {path} is no table")
    schema = str((manifest.get("metadata") or {}).get("dbt_schema_version") or "")
    version = re.search(r"/manifest/v(\d+)\.json$", schema)
    if version is None:
        raise ManifestError(f"{path} is no manifest of dbt: its metadata.dbt_schema_version is {schema!r}")
    if int(version[1]) != MANIFEST:
        raise ManifestError(
            f"the manifest {path} has the version {version[1]}, and this package reads {MANIFEST}, which dbt 1.8 and later write"
        )
    nodes = manifest.get("nodes")
    if not isinstance(nodes, dict) or not all(isinstance(n, dict) and n.get("name") and n.get("resource_type") for n in nodes.values()):
        raise ManifestError(f"the manifest {path} has no table of nodes with their names and types")
    return manifest


def steps(
    manifest: Mapping[str, Any], *, tags: Collection[str] = (), exclude_tags: Collection[str] = (), tests: Tests = "gate"
) -> list[Step]:
    """Return what is to be done for the models, seeds and snapshots with one of some tags, in the order of their ids.

    A dependency leads through what is not selected, and through models that are ephemeral. The tests of one model alone are one step after
    it; with "gate", what depends on the model comes after its tests as well. A test of several models comes after all of them.
    """
    nodes: Mapping[str, Mapping[str, Any]] = manifest["nodes"]
    chosen = {i for i, n in nodes.items() if n["resource_type"] in _COMMANDS and not _ephemeral(n) and _tagged(n, tags, exclude_tags)}
    named: dict[str, int] = defaultdict(int)
    for node in nodes.values():
        named[node["name"]] += 1
    found = _Graph(nodes, chosen)
    alone: dict[str, list[str]] = defaultdict(list)
    out = []
    if tests != "none":
        for i in sorted(i for i, n in nodes.items() if n["resource_type"] == "test"):
            tested = found.above(i)
            if not tested or not found.covers(i):
                continue  # it is of what is not made here
            if len(tested) == 1:
                alone[next(iter(tested))].append(i)
            else:
                out.append(Step(i, _short(nodes[i]["name"]), "test", _select(nodes[i], named), frozenset(tested)))
    for i in sorted(chosen):
        node = nodes[i]
        after = found.above(i)
        if tests == "gate":
            after |= {f"{a}/tests" for a in after if a in alone}
        out.append(Step(i, _name(node, named), _COMMANDS[node["resource_type"]], _select(node, named), frozenset(after)))
        if i in alone:
            select = " ".join(_select(nodes[t], named) for t in alone[i])
            out.append(Step(f"{i}/tests", _short(_name(node, named) + "_test"), "test", select, frozenset({i})))
    return sorted(out, key=lambda s: s.id)


class _Graph:
    """Which of the chosen nodes others come after."""

    def __init__(self, nodes: Mapping[str, Mapping[str, Any]], chosen: Collection[str]) -> None:
        self.nodes, self.chosen = nodes, chosen
        self.known: dict[str, frozenset[str]] = {}

    def parents(self, i: str) -> list[str]:
        return [p for p in (self.nodes[i].get("depends_on") or {}).get("nodes") or [] if p in self.nodes]

    def above(self, start: str) -> set[str]:
        """Return the nearest chosen nodes above one, without recursion: projects are deep."""
        todo = [start]
        while todo:
            i = todo[-1]
            passed = [p for p in self.parents(i) if p not in self.chosen]
            missing = [p for p in passed if p not in self.known]
            if i in self.known:
                todo.pop()
            elif missing:
                if any(m in todo for m in missing):
                    raise ManifestError(f"{missing[0]} depends on itself")
                todo += missing
            else:
                direct = {p for p in self.parents(i) if p in self.chosen}
                self.known[i] = frozenset(direct.union(*(self.known[p] for p in passed)))
                todo.pop()
        return set(self.known[start])

    def covers(self, i: str) -> bool:
        """Report whether all that a test reads is made here, or by nobody, such as a source."""
        return all(p in self.chosen or _ephemeral(self.nodes[p]) for p in self.parents(i))


def _ephemeral(node: Mapping[str, Any]) -> bool:
    return (node.get("config") or {}).get("materialized") == "ephemeral"


def _tagged(node: Mapping[str, Any], tags: Collection[str], exclude: Collection[str]) -> bool:
    own = set(node.get("tags") or [])
    return (not tags or bool(own & set(tags))) and not own & set(exclude)


def _select(node: Mapping[str, Any], named: Mapping[str, int]) -> str:
    """Return how dbt selects a node: by its name, or by its whole path if another one has the name."""
    if named[node["name"]] == 1:
        return str(node["name"])
    return "fqn:" + ".".join(node.get("fqn") or [node["package_name"], node["name"]])


def _name(node: Mapping[str, Any], named: Mapping[str, int]) -> str:
    if named[node["name"]] == 1:
        return str(node["name"])
    return "_".join(node.get("fqn") or [node["package_name"], node["name"]])


def _short(name: str) -> str:
    return name[:_TASK_ID]


class DbtTaskGroup(TaskGroup):
    """A group with a task for each model, seed and snapshot of a dbt project, and tasks for their tests.

    :param group_id: the id of the group; default: ``dbt``.
    :param manifest_file: the manifest that ``dbt parse`` writes to ``target/manifest.json``, as a path from the folder of the DAG file.
    :param command: what a task runs, with ``{command}`` (``run``, ``seed``, ``snapshot`` or ``test``) and ``{model}`` (what is selected,
        which has blanks between several tests).
    :param tags: models, seeds and snapshots with one of these tags; default: all.
    :param exclude_tags: those with none of these tags.
    :param tests: ``gate``: what depends on a model waits for its tests as well, as with ``dbt build``; ``after``: nothing but the end waits
        for tests; ``none``: no tests are run.
    :param task_name_prefix: what the ids of tasks begin with.
    :param task_name_suffix: what they end with.
    :param start_name: the id of the task before all others, which does nothing.
    :param end_name: the id of the task after all others, which does nothing.
    :param operator_args: arguments of each task's :class:`ContainerOperator`, such as ``{"size": "mx.small", "env_vars": {...}}``.
    :param kwargs: those of Airflow's ``TaskGroup``.
    """

    def __init__(
        self,
        group_id: str = "dbt",
        *,
        manifest_file: str | Path,
        command: Sequence[str] = ("dbt", "{command}", "--select", "{model}"),
        tags: Collection[str] = (),
        exclude_tags: Collection[str] = (),
        tests: Tests = "gate",
        task_name_prefix: str = "",
        task_name_suffix: str = "",
        start_name: str = "start",
        end_name: str = "end",
        operator_args: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(group_id=group_id, **kwargs)
        if not any("{model}" in part for part in command):
            raise ValueError(f"the command of the group {group_id!r} has no {{model}}: each task would do everything")
        if tests not in ("gate", "after", "none"):
            raise ValueError(f"tests is {tests!r}; want gate, after or none")
        found = steps(read(_beside(self.dag.fileloc, manifest_file)), tags=tags, exclude_tags=exclude_tags, tests=tests)
        if not found:
            raise ManifestError(f"the manifest {manifest_file} has no model for the group {group_id!r}: look at its tags")
        self.start = EmptyOperator(task_id=start_name, task_group=self, dag=self.dag)
        self.end = EmptyOperator(task_id=end_name, task_group=self, dag=self.dag)
        made: dict[str, BaseOperator] = {}
        for step in found:
            made[step.id] = ContainerOperator(
                task_id=f"{task_name_prefix}{step.name}{task_name_suffix}",
                command=[part.replace("{command}", step.command).replace("{model}", step.model) for part in command],
                task_group=self,
                dag=self.dag,
                **(operator_args or {}),
            )
        followed = {i for step in found for i in step.after}
        for step in found:
            task = made[step.id]
            if step.after:
                for before in sorted(step.after):
                    made[before] >> task  # how Airflow writes it
            else:
                self.start >> task
            if step.id not in followed:
                task >> self.end


def _beside(dag_file: str, path: str | Path) -> Path:
    return Path(path) if Path(path).is_absolute() else Path(dag_file).resolve().parent / path
