# SPDX-License-Identifier: Apache-2.0
"""Connections and variables of Airflow from Secrets of the cluster.

The configuration of Airflow names it::

    AIRFLOW__SECRETS__BACKEND=trunkline_airflow.secrets.ClusterSecrets
    AIRFLOW__SECRETS__BACKEND_KWARGS={"namespace": "orders-dev"}

A Secret with the label ``airflow.trunkline.dev/connection: warehouse`` is the connection ``warehouse``: its key ``value`` has the
connection as Airflow writes one, as an address or as JSON; or else its keys are the fields ``conn_type``, ``host``, ``login``,
``password``, ``port``, ``schema`` and ``extra``. One with the label ``airflow.trunkline.dev/variable: limit`` is the variable ``limit``,
by its key ``value``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.secrets import BaseSecretsBackend
from airflow.utils.log.logging_mixin import LoggingMixin

CONNECTION = "airflow.trunkline.dev/connection"
VARIABLE = "airflow.trunkline.dev/variable"

_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
_FIELDS = ("conn_type", "host", "login", "password", "port", "schema", "extra")


class ClusterSecrets(BaseSecretsBackend, LoggingMixin):
    """Reads connections and variables from Secrets of one namespace. No value gets into a log or a message.

    :param namespace: the namespace; default: that of Airflow's own pod.
    :param kubeconfig: a file with credentials, for tests; default: the account of Airflow's pod.
    """

    def __init__(self, namespace: str = "", kubeconfig: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)  # type: ignore[no-untyped-call] # of Airflow
        self._namespace = namespace
        self._kubeconfig = kubeconfig

    @cached_property
    def namespace(self) -> str:
        """The namespace whose Secrets are read."""
        return self._namespace or _NAMESPACE.read_text().strip()

    @cached_property
    def client(self) -> Any:
        """The client of the cluster: not a hook, since a hook asks for a connection."""
        from kubernetes import client, config  # noqa: PLC0415 # Airflow loads this module before it is asked for anything

        if self._kubeconfig:
            return client.CoreV1Api(config.new_client_from_config(self._kubeconfig))
        loaded = client.Configuration()
        config.load_incluster_config(client_configuration=loaded)
        return client.CoreV1Api(client.ApiClient(loaded))

    def get_conn_value(self, conn_id: str, team_name: str | None = None) -> str | None:
        """Return a connection; None if the cluster has none of that name."""
        data = self._data(CONNECTION, conn_id, team_name)
        if data is None or "value" in data:
            return None if data is None else data["value"]
        return json.dumps({name: data[name] for name in _FIELDS if name in data})

    def get_variable(self, key: str, team_name: str | None = None) -> str | None:
        """Return a variable; None if the cluster has none of that name."""
        data = self._data(VARIABLE, key, team_name)
        if data is None:
            return None
        if "value" not in data:
            self.log.warning('The Secret of the variable "%s" has no key "value".', key)
        return data.get("value")

    def _data(self, label: str, name: str, team: str | None) -> dict[str, str] | None:
        """Return what is in the Secret with a label; of several, in the first by name."""
        if team or not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?", name):
            return None  # nothing of that name can be a label
        found = self.client.list_namespaced_secret(self.namespace, label_selector=f"{label}={name}").items
        if not found:
            return None
        found.sort(key=lambda s: s.metadata.name)
        if len(found) > 1:
            self.log.warning(
                "Several Secrets of %s have the label %s=%s; the first by name counts, %s.",
                self.namespace,
                label,
                name,
                found[0].metadata.name,
            )
        out = {key: _text(value) for key, value in (found[0].data or {}).items()}
        for key in sorted(key for key, value in out.items() if value is None):
            self.log.warning('The key "%s" of the Secret %s is no text.', key, found[0].metadata.name)
        return {key: value for key, value in out.items() if value is not None}


def _text(encoded: str) -> str | None:
    try:
        return base64.b64decode(encoded, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
