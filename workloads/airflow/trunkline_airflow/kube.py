# SPDX-License-Identifier: Apache-2.0
"""ConfigMaps of the API server of the cluster, asked for as the pod's own service account.

Only the standard library is used: each task of Airflow is a process of its own, and Kubernetes' client takes a second of CPU to load.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT = 10
_NOT_FOUND = 404
_CONFLICT = 409


class KubeError(RuntimeError):
    """The API server could not be asked, or has refused."""


@dataclass(frozen=True)
class Cluster:
    """The API server that a pod is told of."""

    url: str
    account: Path = ACCOUNT

    @classmethod
    def own(cls) -> Cluster:
        """Return that of the cluster that the process runs in."""
        host, port = os.environ.get("KUBERNETES_SERVICE_HOST", ""), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
        if not host:
            raise KubeError("KUBERNETES_SERVICE_HOST is not set: bundles of DAGs are read from the cluster that Airflow runs in")
        return cls(f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")

    @property
    def namespace(self) -> str:
        """The namespace of the pod."""
        return (self.account / "namespace").read_text().strip()

    def get(self, namespace: str, name: str) -> dict[str, Any] | None:
        """Return a ConfigMap; None if there is none."""
        return self._ask("GET", f"{namespace}/configmaps/{name}")

    def labelled(self, namespace: str, selector: str) -> list[dict[str, Any]]:
        """Return the ConfigMaps with labels, without what is in them."""
        accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
        found = self._ask("GET", f"{namespace}/configmaps?labelSelector={urllib.parse.quote(selector)}", accept=accept)
        return list((found or {}).get("items", []))

    def create(self, namespace: str, config_map: dict[str, Any]) -> None:
        """Create a ConfigMap. That it is there already is no error."""
        self._ask("POST", f"{namespace}/configmaps", config_map)

    def delete(self, namespace: str, name: str) -> None:
        """Delete a ConfigMap. That it is gone already is no error."""
        self._ask("DELETE", f"{namespace}/configmaps/{name}")

    def _ask(self, method: str, path: str, body: Any = None, accept: str = "application/json") -> dict[str, Any] | None:
        # The token is read each time: it is renewed in its file.
        headers = {
            "Authorization": "Bearer " + (self.account / "token").read_text().strip(),
            "Accept": accept,
            "Content-Type": "application/json",
        }
        request = urllib.request.Request(  # noqa: S310 # the address is that of the API server
            f"{self.url}/api/v1/namespaces/{path}", method=method, headers=headers, data=None if body is None else json.dumps(body).encode()
        )
        authority = self.account / "ca.crt"
        context = ssl.create_default_context(cafile=str(authority)) if self.url.startswith("https:") else None
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT, context=context) as answer:  # noqa: S310
                read: dict[str, Any] = json.load(answer)
                return read
        except urllib.error.HTTPError as err:
            if (err.code == _NOT_FOUND and method != "POST") or (err.code == _CONFLICT and method == "POST"):
                return None
            raise KubeError(f"{method} of {path}: the API server answers {err.code}: {_reason(err)}") from err
        except OSError as err:
            raise KubeError(f"{method} of {path}: {err}") from err


def _reason(err: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(err).get("message", ""))
    except ValueError:
        return ""
