# SPDX-License-Identifier: Apache-2.0
"""What pods of tasks are made of: the parts that all of them have. Pure functions, from values to objects of Kubernetes."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow.providers.common.compat.sdk import AirflowException
from kubernetes.client import models as k8s

from trunkline_airflow.context import ContextError, Project
from trunkline_airflow.reasons import Reason

CONTAINER = "main"
XCOM_BYTES = 4096
"""How long a result may be: the message that a container leaves, as Kubernetes bounds it."""

_PREFIX = "TRUNKLINE_"
_SECRETS = "TRUNKLINE_SECRETS"
_BIN = "/trunkline/bin"
_LOT = _BIN + "/lot"
_TOKENS = "/var/run/trunkline/tokens"  # a folder
_TOKEN_SECONDS = 600
_GROUP = 65534


class PodFailed(AirflowException):
    """A pod that did not succeed. ``reason`` says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(str(reason))
        self.reason = reason


@dataclass(frozen=True)
class SecretValue:
    """The value of a variable that is in a secret. This is the reference: nothing of Airflow has the value.

    Without ``store``, ``name`` and ``key`` are those of a Secret in the namespace of the project. With it, they are those of a secret in
    one of the environment's ``secretStores`` with ``resolve: entrypoint``, which the pod reads by itself, as the account of its task.
    """

    name: str
    key: str = ""
    store: str = ""
    version: str = ""


def label(text: str) -> str:
    """Return a text as the value of a label: itself if it can be one, else cut, with a hash of the whole."""
    plain = re.sub(r"[^A-Za-z0-9_.-]", "-", text).strip("-_.")
    if plain == text and len(plain) <= 63:  # noqa: PLR2004 # as Kubernetes has it
        return plain
    return f"{plain[:54].rstrip('-_.')}-{hashlib.sha256(text.encode()).hexdigest()[:8]}".lstrip("-")


def labels_of(project: Project, workload: str, run: str) -> dict[str, str]:
    """Return the labels by which Trunkline knows what a pod is of, and counts what it costs there."""
    return {
        **project.labels,
        "app.kubernetes.io/name": label(workload),
        "trunkline.dev/project": project.project,
        "trunkline.dev/environment": project.environment,
        "trunkline.dev/workload": label(workload),
        "trunkline.dev/run": label(run),
    }


def resources(project: Project, size: str) -> k8s.V1ResourceRequirements:
    """Return what a container of a size class may take: that is both what it requests and its limit."""
    found = project.size_of(size)
    takes = {name: value for name, value in (("cpu", found.cpu), ("memory", found.memory)) if value}
    return k8s.V1ResourceRequirements(requests=dict(takes), limits=dict(takes))


def tolerations(project: Project, lifecycle: str) -> list[k8s.V1Toleration]:
    """Return the taints of a lifecycle's machines that pods put up with."""
    return [k8s.V1Toleration(**dict(t)) for t in project.nodes(lifecycle).tolerations]


def pod_security(user: int | None, *, writes: bool = False) -> k8s.V1PodSecurityContext:
    """Return the security context of a pod by the standard "restricted".

    ``user`` is for images whose user is root. ``writes`` gives the processes a group that may write to their disk, whoever they are.
    """
    return k8s.V1PodSecurityContext(
        run_as_non_root=True,
        run_as_user=user,
        fs_group=(user or _GROUP) if writes else None,
        seccomp_profile=k8s.V1SeccompProfile(type="RuntimeDefault"),
    )


def container_security() -> k8s.V1SecurityContext:
    """Return the security context of a container by the standard "restricted", with a root file system that is not written to."""
    return k8s.V1SecurityContext(
        allow_privilege_escalation=False, read_only_root_filesystem=True, capabilities=k8s.V1Capabilities(drop=["ALL"])
    )


@dataclass
class Parts:
    """What is put into a pod beside its container."""

    env: list[k8s.V1EnvVar] = field(default_factory=list)
    volumes: list[k8s.V1Volume] = field(default_factory=list)
    mounts: list[k8s.V1VolumeMount] = field(default_factory=list)
    init: list[k8s.V1Container] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)
    before: list[str] = field(default_factory=list)
    """What stands before the command."""

    def add(self, more: Parts) -> None:
        """Add other parts to these."""
        self.env += more.env
        self.volumes += more.volumes
        self.mounts += more.mounts
        self.init += more.init
        self.labels |= more.labels
        self.before += more.before


def scratch() -> Parts:
    """Return a folder /tmp that can be written to."""
    return Parts(
        volumes=[k8s.V1Volume(name="tmp", empty_dir=k8s.V1EmptyDirVolumeSource())],
        mounts=[k8s.V1VolumeMount(name="tmp", mount_path="/tmp")],  # noqa: S108 # of the pod
    )


def disk(name: str, size: str, path: str, labels: Mapping[str, str]) -> Parts:
    """Return a disk of its own for a pod, which goes with it: a claim of the cluster's default storage class. ``size`` is as in 10Gi."""
    if not re.fullmatch(r"[1-9][0-9]*(\.[0-9]+)?(k|M|G|T|Ki|Mi|Gi|Ti)", size):
        raise ValueError(f"the size of the disk is {size!r}; want one such as 10Gi")
    if not path.startswith("/") or path.rstrip("/") in ("", "/tmp"):  # noqa: S108
        raise ValueError(f"the disk is to be at {path!r}; want a path such as /var/data")
    claim = k8s.V1PersistentVolumeClaimTemplate(
        metadata=k8s.V1ObjectMeta(labels=dict(labels)),
        spec=k8s.V1PersistentVolumeClaimSpec(
            access_modes=["ReadWriteOnce"], resources=k8s.V1VolumeResourceRequirements(requests={"storage": size})
        ),
    )
    volume = k8s.V1Volume(name=name, ephemeral=k8s.V1EphemeralVolumeSource(volume_claim_template=claim))
    return Parts(volumes=[volume], mounts=[k8s.V1VolumeMount(name=name, mount_path=path)])


def environment(project: Project, identity: str, given: Mapping[str, str | SecretValue], command: Sequence[str], size: str) -> Parts:
    """Return the variables of a task: those of Secrets first, and what the pod needs to read others.

    Of those of Secrets, others can be made.
    """
    plain: dict[str, str] = {}
    stored: dict[str, SecretValue] = {}
    out = Parts()
    for name in sorted(given):
        value = given[name]
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
            raise ValueError(f"{name!r} is no name of a variable")
        if name.startswith(_PREFIX):
            raise ValueError(f"the variable {name} begins with {_PREFIX}, and those are set by Trunkline: give it another name")
        if not isinstance(value, SecretValue):
            plain[name] = value
        elif value.store:
            stored[name] = value
        elif not value.key:
            raise ValueError(f"the variable {name} is of the Secret {value.name!r}: say which key")
        else:
            ref = k8s.V1SecretKeySelector(name=value.name, key=value.key)
            out.env.append(k8s.V1EnvVar(name=name, value_from=k8s.V1EnvVarSource(secret_key_ref=ref)))
    plain.update({f"{_PREFIX}{n.upper()}": getattr(project, n) for n in ("platform", "project", "environment", "cluster")})
    out.env += [k8s.V1EnvVar(name=name, value=value) for name, value in sorted(plain.items())]
    if stored:
        _read_in_pod(project, identity, stored, command, size, out)
    return out


def _read_in_pod(project: Project, identity: str, stored: Mapping[str, SecretValue], command: Sequence[str], size: str, out: Parts) -> None:
    """Have a pod read secrets of stores by itself, as workloads of the project do: the program lot starts the command with them."""
    names = ", ".join(stored)
    if not command:
        raise ValueError(f"{names}: the secret is read before the program starts: give the task its command")
    if not project.lot_image:
        raise ContextError(f"{names}: the environment {project.environment!r} has no lotImage, which reads secrets in the pod")
    stores: dict[str, Any] = {}
    for name, value in stored.items():
        store = project.secret_stores.get(value.store)
        if store is None:
            raise ContextError(f"{name}: the environment {project.environment!r} has no store of secrets {value.store!r}")
        if store.get("resolve") != "entrypoint":
            raise ContextError(
                f"{name}: secrets of the store {value.store!r} become Secrets for declared workloads alone: refer to such a Secret by its "
                "name and key"
            )
        stores[value.store] = {k: v.replace("<identity>", identity) if k == "role" else v for k, v in store.items()}
    refs = {
        n: {k: v for k, v in (("store", s.store), ("name", s.name), ("key", s.key), ("version", s.version)) if v} for n, s in stored.items()
    }
    out.env.append(k8s.V1EnvVar(name=_SECRETS, value=json.dumps({"stores": stores, "secrets": refs}, sort_keys=True)))
    out.before = [_LOT, "secrets", "exec", "--"]
    mount = k8s.V1VolumeMount(name="trunkline-lot", mount_path=_BIN)
    out.init.append(
        k8s.V1Container(
            name="trunkline-lot",
            image=project.lot_image,
            command=["lot", "secrets", "install", _LOT],
            resources=resources(project, size),
            security_context=container_security(),
            volume_mounts=[mount],
        )
    )
    out.volumes.append(k8s.V1Volume(name="trunkline-lot", empty_dir=k8s.V1EmptyDirVolumeSource()))
    out.mounts.append(k8s.V1VolumeMount(name="trunkline-lot", mount_path=_BIN, read_only=True))
    tokens = [
        k8s.V1VolumeProjection(
            service_account_token=k8s.V1ServiceAccountTokenProjection(
                audience=stores[name].get("audience") or "vault", path=name, expiration_seconds=_TOKEN_SECONDS
            )
        )
        for name in sorted(stores)
        if stores[name].get("provider") == "vault"
    ]
    if tokens:
        out.volumes.append(k8s.V1Volume(name="trunkline-tokens", projected=k8s.V1ProjectedVolumeSource(sources=tokens)))
        out.mounts.append(k8s.V1VolumeMount(name="trunkline-tokens", mount_path=_TOKENS, read_only=True))
    if any(s.get("provider") == "azure-key-vault" for s in stores.values()):
        out.labels["azure.workload.identity/use"] = "true"


def result_of(message: str | None) -> Any:
    """Return the result that a container left as its message, which is JSON; nothing if it left none."""
    if not message or not message.strip():
        return None
    try:
        return json.loads(message)
    except ValueError as err:
        size = len(message.encode())
        if size >= XCOM_BYTES:
            raise ValueError(
                f"the result is longer than {XCOM_BYTES} bytes: write it to a store, and leave its address as the result"
            ) from err
        raise ValueError(f"the result of {size} bytes is no JSON: {err}") from err
