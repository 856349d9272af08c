# SPDX-License-Identifier: Apache-2.0
"""The DAG processor of Airflow, which follows the projects that come and go, and keeps the versions that runs need.

``python -m trunkline_airflow.processor`` is ``airflow dag-processor`` with both.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from airflow.cli.commands import dag_processor_command
from airflow.dag_processing.bundles.manager import DagBundlesManager
from airflow.dag_processing.manager import DagFileProcessorManager
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import State
from sqlalchemy import or_, select

from trunkline_airflow import bundle

KEEP = "TRUNKLINE_KEEP_VERSIONS"
"""Has for how many days after the end of its last run a version is kept."""
_LOOK = 10.0
_TIDY = 600.0


def superfluous(copies: list[dict[str, Any]], needed: set[tuple[str, str]], before: datetime) -> list[str]:
    """Return the names of the copies that nothing needs and that are older than a time."""
    out = []
    for copy in copies:
        meta = copy["metadata"]
        name, version = meta["labels"][bundle.LABEL], meta["name"].rpartition("-")[2]
        made = datetime.fromisoformat(meta["creationTimestamp"].replace("Z", "+00:00"))
        if (name, version) not in needed and made < before:
            out.append(meta["name"])
    return sorted(out)


class Processor(DagFileProcessorManager):
    """A DAG processor that looks which projects there are from time to time."""

    _looked: float = -_LOOK
    _tidied: float = -_TIDY

    def _refresh_dag_bundles(self, known_files: dict[str, set[Any]]) -> None:
        now = time.monotonic()
        if now - self._looked >= _LOOK:
            self._looked = now
            try:
                self._follow(known_files)
            except Exception:
                self.log.exception("Looking which projects have DAGs")
        super()._refresh_dag_bundles(known_files)
        if now - self._tidied >= _TIDY:
            self._tidied = now
            try:
                self._tidy()
            except Exception:
                self.log.exception("Removing versions of DAGs that nothing needs")

    def _follow(self, known_files: dict[str, set[Any]]) -> None:
        """Take up the bundles of new projects, and drop those of projects that are gone."""
        before = {b.name: b for b in self._dag_bundles}
        now = {b.name: b for b in DagBundlesManager().get_all_dag_bundles()}  # type: ignore[no-untyped-call] # it has no types
        if before.keys() == now.keys():
            return
        self.log.info("The projects with DAGs are now %s", ", ".join(now) or "none")
        self.sync_bundles()
        self._dag_bundles = [before.get(name, b) for name, b in now.items()]
        for name in before.keys() - now.keys():
            known_files.pop(name, None)
            self._bundle_versions.pop(name, None)
            self.deactivate_deleted_dags(bundle_name=name, present=set())
        self.handle_removed_files(known_files=known_files)
        self._bundles_last_refreshed = 0

    def _tidy(self) -> None:
        """Remove the copies of versions that no run needs any more."""
        source = bundle.Source()
        own = source.cluster.namespace
        copies = source.cluster.labelled(own, f"{bundle.LABEL},app.kubernetes.io/name={source.workload}")
        needed = {(name, source.current(name)) for name in source.projects()}
        before = datetime.now(timezone.utc) - timedelta(days=float(os.environ.get(KEEP, "7")))
        with create_session() as session:
            late = or_(DagRun.state.in_(State.unfinished_dr_states), DagRun.end_date > before)
            used = set(session.scalars(select(DagRun.bundle_version).where(late).distinct()))
        needed |= {(c["metadata"]["labels"][bundle.LABEL], version) for c in copies for version in used if version}
        for name in superfluous(copies, needed, before):
            self.log.info("Removing the version of DAGs %s", name)
            source.cluster.delete(own, name)


def main() -> None:
    """Run ``airflow dag-processor`` with the processor of this module."""
    from airflow.__main__ import main as airflow  # noqa: PLC0415 # which reads its arguments

    dag_processor_command.DagFileProcessorManager = Processor  # type: ignore[attr-defined] # the command has no option for it
    sys.argv = [str(Path(sys.executable).with_name("airflow")), "dag-processor", *sys.argv[1:]]
    airflow()  # type: ignore[no-untyped-call] # it has no types


if __name__ == "__main__":
    main()
