# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from trunkline_airflow.reasons import CODES, Seen, reason_of, refused


def pod(status, *, annotations=None, limit="128Mi", deadline=None):
    container = {"name": "main", "resources": {"limits": {"memory": limit}}}
    spec = {"containers": [container], **({"activeDeadlineSeconds": deadline} if deadline else {})}
    return {"metadata": {"name": "p", "annotations": annotations or {}}, "spec": spec, "status": status}


def waiting(reason, message=""):
    state = {"waiting": {"reason": reason, "message": message}}
    return {"phase": "Pending", "containerStatuses": [{"name": "main", "image": "a:1", "state": state}]}


def ended(code, reason="Error", message="", **more):
    state = {"terminated": {"exitCode": code, "reason": reason, "message": message, **more}}
    return {"phase": "Failed", "containerStatuses": [{"name": "main", "state": state}]}


def event(reason, message, at="2026-01-01T00:00:00Z"):
    return {"reason": reason, "message": message, "lastTimestamp": at}


def condition(kind, status, reason="", message=""):
    return {"conditions": [{"type": kind, "status": status, "reason": reason, "message": message}]}


SPARK = {"spark.trunkline.dev/driver-heap": "500Mi"}
WEBHOOK = 'admission webhook \\"a.example\\" denied the request: no'

CASES = [
    ("an image that is not there", Seen(pod(waiting("ErrImagePull", "manifest unknown"))), "image-pull", '"a:1": manifest unknown'),
    ("while the kubelet backs off, the event says why", Seen(pod(waiting("ImagePullBackOff", 'Back-off pulling image "a:1"')), (event("Failed", "Failed to pull image: denied"),)), "image-pull", "denied"),
    ("a name that is none", Seen(pod(waiting("InvalidImageName"))), "image-pull", "InvalidImageName"),
    ("a Secret that is not there", Seen(pod(waiting("CreateContainerConfigError", 'secret "db" not found'))), "config", 'secret "db" not found'),
    ("a volume of one", Seen(pod(waiting("ContainerCreating")), (event("FailedMount", 'MountVolume failed: configmap "c" not found'),)), "config", 'configmap "c"'),
    ("a volume that cannot be mounted", Seen(pod(waiting("ContainerCreating")), (event("FailedMount", "timed out"),)), "volume", "timed out"),
    ("the newest event counts", Seen(pod(waiting("ContainerCreating")), (event("FailedMount", "new", "2026-01-02T00:00:00Z"), event("FailedMount", "old"))), "volume", "new$"),
    ("a sandbox", Seen(pod({"phase": "Pending"}), (event("FailedCreatePodSandBox", "no network"),)), "sandbox", "no network"),
    ("a program that is not there", Seen(pod(waiting("RunContainerError", 'exec: "x": not found'))), "command", "not found"),
    ("or was not", Seen(pod(ended(128, "StartError", "no such file"))), "command", "no such file"),
    ("a secret of a store", Seen(pod(ended(78, message="trunkline-secret denied DB"))), "secret", "for the variable DB may not be read"),
    ("which only its program may say", Seen(pod(ended(78, message="trunkline-secret whatever DB"))), "exit", "exit code 78"),
    ("too much memory", Seen(pod(ended(137, "OOMKilled"))), "out-of-memory", "its limit is 128Mi"),
    ("a driver without heap", Seen(pod(ended(1, message="trunkline-spark exit 1\njava.lang.OutOfMemoryError"), annotations=SPARK)), "out-of-memory", "a JVM ran out of heap"),
    ("why too many executors failed comes first", Seen(pod(ended(11, message="trunkline-spark exit 11\nMax number of executor failures\nexited with exit code 137"), annotations=SPARK)), "out-of-memory", "executors were killed.*more executors failed"),
    ("too many executors", Seen(pod(ended(11, message="trunkline-spark exit 11\n"), annotations=SPARK)), "executor-failures", "more executors failed"),
    ("executors on spot", Seen(pod(ended(1, message="trunkline-spark exit 1\nExecutor decommission"), annotations=SPARK)), "spot-loss", "with their machines"),
    ("a checkpoint", Seen(pod(ended(1, message="trunkline-spark exit 1\nSTATE_STORE_X"), annotations=SPARK)), "checkpoint", "checkpoint"),
    ("what no driver said is a log", Seen(pod(ended(1, message="trunkline-spark exit 1\nMemoryError"))), "exit", "exit code 1$"),
    ("longer than it may", Seen(pod({"phase": "Failed", "reason": "DeadlineExceeded"}, deadline=60)), "deadline", "60 seconds"),
    ("no place on the disk", Seen(pod({"phase": "Failed", "reason": "Evicted", "message": "low on ephemeral-storage"})), "evicted", "low on ephemeral-storage"),
    ("a machine without place", Seen(pod({"phase": "Failed", "reason": "OutOfcpu", "message": "no cpu"})), "evicted", "no cpu"),
    ("a machine that goes", Seen(pod({"phase": "Failed", **condition("DisruptionTarget", "True", "TerminationByKubelet", "node shutdown")}), spot=True), "spot-loss", "node shutdown"),
    ("which is no spot machine", Seen(pod({"phase": "Failed", **condition("DisruptionTarget", "True", "TerminationByKubelet", "node shutdown")})), "evicted", "node shutdown"),
    ("one that is put out of a spot machine that stays", Seen(pod({"phase": "Failed", "reason": "Evicted", "message": "disk"}), spot=True), "evicted", "disk"),
    ("one that is gone", Seen(pod({"phase": "Running"}), gone=True), "evicted", "deleted while it ran"),
    ("with its machine", Seen(pod({"phase": "Pending"}), gone=True, spot=True), "spot-loss", "deleted while it waited"),
    ("a program that fails", Seen(pod(ended(3))), "exit", "exit code 3$"),
    ("one that is not there", Seen(pod(ended(127))), "exit", "the command was not found"),
    ("a signal", Seen(pod(ended(137, signal=9))), "exit", "signal 9"),
    ("what it left is a log, and is not shown", Seen(pod(ended(1, message="password=hunter2"))), "exit", "^((?!hunter2).)*$"),
    ("no machine", Seen(pod({"phase": "Pending", **condition("PodScheduled", "False", "Unschedulable", "0/3 nodes are available")})), "unschedulable", "0/3 nodes"),
    ("no disk", Seen(pod({"phase": "Pending", **condition("PodScheduled", "False", "Unschedulable", "unbound PersistentVolumeClaims")})), "volume", "until its volumes are there"),
    ("too slow", Seen(pod(waiting("ContainerCreating"))), "starting", "startup_timeout_seconds"),
    ("nothing", Seen(pod({"phase": "Running"})), "unknown", "Running"),
    ("an empty status", Seen({}), "unknown", "not known"),
    ("a terminal obeys nothing", Seen(pod(waiting("ErrImagePull", "a\x1b[2Jb\nc"))), "image-pull", r"a\?\[2Jb c"),
]  # fmt: skip


@pytest.mark.parametrize(("reason", "seen", "code", "says"), CASES, ids=[c[0] for c in CASES])
def test_reasons(reason, seen, code, says):
    got = reason_of(seen)
    assert got.code == code, f"{reason}: {got}"
    assert re.search(says, got.summary), f"{reason}: {got}"


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (403, '{"message":"pods \\"a\\" is forbidden: exceeded quota: q"}', "quota"),
        (403, '{"message":"maximum memory usage per Container is 1Gi"}', "quota"),
        (400, f'{{"message":"{WEBHOOK}"}}', "webhook"),
        (403, '{"message":"pods \\"a\\" is forbidden: violates PodSecurity \\"restricted:latest\\""}', "admission"),
        (403, '{"message":"error looking up service account a/b: serviceaccount \\"b\\" not found"}', "config"),
        (500, "", "unknown"),
        (None, "connection refused", "unknown"),
    ],
)
def test_refusals(status, body, code):
    assert refused(status, body).code == code


def test_codes_are_those_of_trunkline(repository):
    """What a task can fail for has the name that docs and metrics of Trunkline have for it."""
    known = set(re.findall(r'Code = "([a-z-]+)"', (repository / "plan/health/reason.go").read_text()))
    assert set(CODES) <= known
    assert {c[2] for c in CASES} | {"quota", "webhook", "admission"} == set(CODES)
