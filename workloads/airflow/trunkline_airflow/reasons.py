# SPDX-License-Identifier: Apache-2.0
"""Why a pod failed: from what the cluster says of it to one reason, with a code that Trunkline has for the same everywhere.

What a program left as its message is never shown, since it may be anything: of it, only words count that are known here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# The codes are those of docs/operations.md; CODES has all that a pod of a task can have.
CODES = (
    "image-pull",
    "config",
    "command",
    "secret",
    "out-of-memory",
    "executor-failures",
    "checkpoint",
    "spot-loss",
    "deadline",
    "evicted",
    "exit",
    "volume",
    "unschedulable",
    "sandbox",
    "quota",
    "webhook",
    "admission",
    "starting",
    "unknown",
)

LOST = frozenset({"spot-loss", "evicted"})
"""The codes of pods that were lost with their machine: the same pod may work on another one."""


@dataclass(frozen=True)
class Reason:
    """Why a pod failed. ``exit_code`` is that of its program, if it ended by itself."""

    code: str
    summary: str
    exit_code: int | None = None

    def __str__(self) -> str:
        return f"{self.code}: {self.summary}"


@dataclass(frozen=True)
class Seen:
    """What was seen of a pod, as the API server writes it, with its events. ``gone`` is set if it is not there any more."""

    pod: Mapping[str, Any]
    events: tuple[Mapping[str, Any], ...] = ()
    gone: bool = False
    spot: bool = False

    @property
    def name(self) -> str:
        return str(self.pod.get("metadata", {}).get("name", ""))

    @property
    def status(self) -> Mapping[str, Any]:
        return self.pod.get("status") or {}

    def containers(self) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Return the containers, with what people call them: those that start first come first."""
        for kind, title in (("initContainerStatuses", "init container"), ("containerStatuses", "container")):
            for status in self.status.get(kind) or []:
                yield f'{title} "{status.get("name", "")}"', status

    def event(self, *reasons: str, like: str = "") -> str:
        """Return the message of the newest event that has one of some reasons; empty if there is none."""
        fits = [e for e in self.events if e.get("reason") in reasons and re.search(like, str(e.get("message", "")), re.IGNORECASE)]
        fits.sort(key=lambda e: str(e.get("lastTimestamp") or e.get("eventTime") or ""))
        return str(fits[-1].get("message", "")) if fits else ""


def reason_of(seen: Seen) -> Reason:
    """Return why a pod failed.

    The order is that of certainty: what kept a container from being started, what ended it, and what it waits for.
    """
    for row in _ROWS:
        found = row(seen)
        if found is not None:
            return Reason(found.code, _line(found.summary), found.exit_code)
    return Reason(
        "unknown", f"pod {seen.name} did not succeed, and nothing says why (its phase is {seen.status.get('phase', 'not known')})"
    )


def _line(text: str) -> str:
    """Return a text as one line of bounded length, with nothing that a terminal obeys."""
    plain = re.sub(r"\s+", " ", "".join(c if c.isprintable() or c.isspace() else "?" for c in text)).strip()
    return plain if len(plain) <= 1000 else plain[:997] + "..."  # noqa: PLR2004 # characters


def _waits(seen: Seen, reasons: Collection[object]) -> tuple[str, Mapping[str, Any], str] | None:
    for title, status in seen.containers():
        waiting = (status.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") in reasons:
            return title, status, str(waiting.get("message") or waiting.get("reason"))
    return None


def _ended(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return (status.get("state") or {}).get("terminated") or {}


def _image(seen: Seen) -> Reason | None:
    reasons = ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName", "ImageInspectError", "RegistryUnavailable")
    waits = _waits(seen, (*reasons, "SignatureValidationFailed"))
    if waits is None:
        return None
    title, status, message = waits
    if message.startswith("Back-off pulling image") and "ErrImagePull" not in message:
        message = seen.event("Failed", "ErrImageNeverPull", "InspectFailed", like="pull image") or message
    return Reason("image-pull", f'{title} of pod {seen.name} cannot get its image "{status.get("image", "")}": {message}')


_NOT_THERE = (
    r"(secret|configmap)s? \"[^\"]*\" not found|couldn't find key|references non-existent (secret|config) key"
    r"|serviceaccount \"[^\"]*\" not found"
)


def _config(seen: Seen) -> Reason | None:
    waits = _waits(seen, ("CreateContainerConfigError",))
    message = waits[2] if waits else seen.event("FailedMount", like=_NOT_THERE) if _unstarted(seen) else ""
    return Reason("config", f"pod {seen.name} refers to what is not there: {message}") if message else None


def _command(seen: Seen) -> Reason | None:
    waits = _waits(seen, ("RunContainerError", "CreateContainerError", "StartError"))
    if waits:
        return Reason("command", f"{waits[0]} of pod {seen.name} cannot be started: {waits[2]}")
    for title, status in seen.containers():
        end = _ended(status)
        if end.get("reason") in ("StartError", "ContainerCannotRun"):
            return Reason("command", f"{title} of pod {seen.name} cannot be started: {end.get('message') or end.get('reason')}")
    return None


_SECRET_EXIT = 78
_SECRETS = {
    "not-found": "is not there",
    "denied": "may not be read by the account of the task",
    "no-identity": "cannot be asked for: its store does not know the account of the task",
    "no-key": "is there, and does not have the key",
    "unreachable": "cannot be read: its store does not answer",
    "unusable": "has a value that no variable can have",
    "refused": "is refused by its store",
}


def _secret(seen: Seen) -> Reason | None:
    for title, status in seen.containers():
        end = _ended(status)
        said = re.fullmatch(r"trunkline-secret ([a-z-]+) ([A-Za-z_][A-Za-z0-9_.-]{0,252})", str(end.get("message") or "").strip())
        if end.get("exitCode") == _SECRET_EXIT and said and said[1] in _SECRETS:
            return Reason(
                "secret", f"{title} of pod {seen.name} was not started: the secret for the variable {said[2]} {_SECRETS[said[1]]}"
            )
    return None


def _memory(seen: Seen) -> Reason | None:
    for title, status in seen.containers():
        if _ended(status).get("reason") == "OOMKilled":
            most = _limit(seen, str(status.get("name", "")))
            limit = f" (its limit is {most})" if most else ""
            return Reason(
                "out-of-memory",
                f"{title} of pod {seen.name} was killed since it took more memory than it may{limit}: give the task a larger size",
            )
    return None


def _limit(seen: Seen, name: str) -> str:
    spec = seen.pod.get("spec") or {}
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        if container.get("name") == name:
            return str(((container.get("resources") or {}).get("limits") or {}).get("memory") or "")
    return ""


# What the log of a driver has for a cause, as submit.sh leaves it; in the order in which they are the cause of the others.
_SPARK = (
    ("checkpoint", r"sources in the checkpoint offsets|STATE_STORE_|STREAMING_STATEFUL|Provided schema|UnsupportedLogVersion|MALFORMED",
     "it cannot go on from its checkpoint, which another program or version of Spark wrote"),
    ("checkpoint", "CONCURRENT_STREAM_LOG_UPDATE", "another stream works on its checkpoint at the same time"),
    ("out-of-memory", "exited with exit code 137", "executors were killed, as they are when they take more memory than they may"),
    ("out-of-memory", "exited with exit code 52", "executors ran out of heap"),
    ("out-of-memory", r"java\.lang\.OutOfMemoryError", "a JVM ran out of heap"),
    ("out-of-memory", "MemoryError", "Python got no more memory"),
    ("spot-loss", "brief reason:|was deleted by a user or the framework|Executor decommission", "executors were lost with their machines"),
    ("executor-failures", "Max number of executor failures", "more executors failed than may"),
)  # fmt: skip
_SPARK_EXECUTORS_EXIT = 11


def _spark(seen: Seen) -> Reason | None:
    if not (seen.pod.get("metadata", {}).get("annotations") or {}).get("spark.trunkline.dev/driver-heap"):
        return None
    for _, status in seen.containers():
        end = _ended(status)
        first, _, rest = str(end.get("message") or "").partition("\n")
        if not first.startswith("trunkline-spark exit "):
            continue
        found = [(code, says) for code, words, says in _SPARK if any(re.match(words, line) for line in rest.splitlines())]
        if not found and end.get("exitCode") == _SPARK_EXECUTORS_EXIT:
            found = [("executor-failures", "more executors failed than may")]
        if found:
            says = "; ".join(dict.fromkeys(s for _, s in found))
            return Reason(found[0][0], f"the driver of pod {seen.name} failed: {says}; {_exit(end)}", end.get("exitCode"))
    return None


_PUT_OUT = frozenset(
    {
        "Evicted",
        "Preempting",
        "NodeShutdown",
        "Terminated",
        "NodeLost",
        "NodeAffinity",
        "OutOfcpu",
        "OutOfmemory",
        "OutOfpods",
        "UnexpectedAdmissionError",
        "Shutdown",
    }
)
_WITH_MACHINE = frozenset(
    {"Terminated", "NodeShutdown", "NodeLost", "Shutdown", "DeletionByPodGC", "DeletionByTaintManager", "TerminationByKubelet"}
)


def _lost(seen: Seen) -> Reason | None:
    why, message = "", ""
    for condition in seen.status.get("conditions") or []:
        if condition.get("type") == "DisruptionTarget" and condition.get("status") == "True":
            why, message = str(condition.get("reason") or ""), str(condition.get("message") or condition.get("reason") or "")
    if seen.status.get("phase") == "Failed" and seen.status.get("reason") in _PUT_OUT:
        why, message = str(seen.status["reason"]), str(seen.status.get("message") or message or seen.status["reason"])
    if message and seen.spot and why in _WITH_MACHINE:
        return Reason("spot-loss", f"pod {seen.name} was lost with its spot machine: {message}")
    return Reason("evicted", f"pod {seen.name} was put out of its node: {message}") if message else None


def _gone(seen: Seen) -> Reason | None:
    if not seen.gone or seen.status.get("phase") == "Failed":
        return None
    while_it = "ran" if seen.status.get("phase") == "Running" else "waited to run"
    if seen.spot:
        return Reason("spot-loss", f"pod {seen.name} was deleted while it {while_it}, as pods are when their spot machine is taken away")
    return Reason("evicted", f"pod {seen.name} was deleted while it {while_it}, by a person or since its machine is gone")


def _deadline(seen: Seen) -> Reason | None:
    if seen.status.get("reason") != "DeadlineExceeded":
        return None
    most = (seen.pod.get("spec") or {}).get("activeDeadlineSeconds")
    return Reason("deadline", f"pod {seen.name} took longer than it may" + (f" ({most} seconds)" if most else ""))


_HINTS = {
    126: " (the command may not be run)",
    127: " (the command was not found)",
    137: " (killed, SIGKILL)",
    139: " (a fault in memory, SIGSEGV)",
    143: " (asked to end, SIGTERM)",
}


def _exit(end: Mapping[str, Any]) -> str:
    if end.get("signal"):
        return f"it was ended by signal {end['signal']}"
    code = end.get("exitCode")
    return f"it ended with exit code {code}{_HINTS.get(code or 0, '')}"


def _exited(seen: Seen) -> Reason | None:
    for title, status in seen.containers():
        end = _ended(status)
        if end.get("exitCode"):
            return Reason("exit", f"{title} of pod {seen.name} failed: {_exit(end)}", end.get("exitCode"))
    if seen.status.get("phase") == "Failed":
        return Reason("exit", f"pod {seen.name} failed: {seen.status.get('message') or seen.status.get('reason') or 'it does not say why'}")
    return None


def _unschedulable(seen: Seen) -> Reason | None:
    for condition in seen.status.get("conditions") or []:
        if condition.get("type") != "PodScheduled" or condition.get("status") != "False":
            continue
        message = str(condition.get("message") or condition.get("reason") or "")
        if "persistentvolumeclaim" in message.lower():
            return Reason("volume", f"no node takes pod {seen.name} until its volumes are there: {message}")
        return Reason("unschedulable", f"no node takes pod {seen.name}: {message}")
    return None


def _unstarted(seen: Seen) -> bool:
    waits = _waits(seen, ("ContainerCreating", "PodInitializing"))
    return waits is not None or (seen.status.get("phase") == "Pending" and not seen.status.get("containerStatuses"))


def _unmounted(seen: Seen) -> Reason | None:
    message = seen.event("FailedMount", "FailedAttachVolume", "FailedMapVolume") if _unstarted(seen) else ""
    return Reason("volume", f"a volume of pod {seen.name} cannot be mounted: {message}") if message else None


def _sandbox(seen: Seen) -> Reason | None:
    message = seen.event("FailedCreatePodSandBox", "NetworkNotReady", "FailedCreatePodContainer") if _unstarted(seen) else ""
    return Reason("sandbox", f"the node cannot set up pod {seen.name}: {message}") if message else None


def _starting(seen: Seen) -> Reason | None:
    if seen.status.get("phase") != "Pending":
        return None
    return Reason(
        "starting", f"pod {seen.name} was not started in time: raise startup_timeout_seconds if its image is large or machines come slowly"
    )


_ROWS: tuple[Callable[[Seen], Reason | None], ...] = (
    _image,
    _config,
    _command,
    _secret,
    _memory,
    _spark,
    _deadline,
    _lost,
    _gone,
    _exited,
    _unschedulable,
    _unmounted,
    _sandbox,
    _starting,
)


def refused(status: int | None, body: str) -> Reason:
    """Return why the API server made no pod, by its answer."""
    said = re.search(r'"message":\s*"((?:[^"\\]|\\.)*)"', body)
    message = said[1].replace('\\"', '"') if said else body
    code = "admission"
    if re.search(r"exceeded quota|LimitRange|must specify limits|usage per (Container|Pod)", message):
        code = "quota"
    elif "webhook" in message:
        code = "webhook"
    elif re.search(_NOT_THERE, message, re.IGNORECASE):
        code = "config"
    elif status is None or status >= 500:  # noqa: PLR2004 # an error of the server
        code = "unknown"
    return Reason(code, _line(f"the cluster does not take the pod: {message or status}"))
