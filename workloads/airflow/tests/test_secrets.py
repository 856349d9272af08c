# SPDX-License-Identifier: Apache-2.0
import base64
import json
import logging
import subprocess
import sys
from types import SimpleNamespace

import pytest

from trunkline_airflow.secrets import ClusterSecrets


def secret(name, labels, **data):
    encoded = {k: base64.b64encode(v if isinstance(v, bytes) else v.encode()).decode() for k, v in data.items()}
    return SimpleNamespace(metadata=SimpleNamespace(name=name, labels=labels), data=encoded)


@pytest.fixture
def backend():
    def of(*secrets):
        made = ClusterSecrets(namespace="orders-dev")

        def found(namespace, label_selector):
            assert namespace == "orders-dev"
            key, _, value = label_selector.partition("=")
            return SimpleNamespace(items=[s for s in secrets if s.metadata.labels.get(key) == value])

        made.__dict__["client"] = SimpleNamespace(list_namespaced_secret=found)
        return made

    return of


CONNECTION = "airflow.trunkline.dev/connection"
VARIABLE = "airflow.trunkline.dev/variable"


def test_connections(backend):
    b = backend(
        secret("a", {CONNECTION: "warehouse"}, value="postgres://u:p@db/x"),
        secret("b", {CONNECTION: "lake"}, conn_type="aws", login="k", password="s", other="x"),
        secret("c", {VARIABLE: "warehouse"}, value="1"),
    )
    assert b.get_connection("warehouse").host == "db"
    assert json.loads(b.get_conn_value("lake")) == {"conn_type": "aws", "login": "k", "password": "s"}
    assert b.get_connection("lake").password == "s"
    assert b.get_conn_value("other") is None
    assert b.get_variable("warehouse") == "1"
    assert b.get_variable("lake") is None


@pytest.mark.parametrize("name", ["a b", "a,b=c", "a!=b", "a in (b)", "", "x" * 64, "-a", "é"])
def test_names_that_are_no_labels(backend, name):
    """Nothing of a name becomes a part of what is asked for."""
    b = backend()
    b.__dict__["client"] = None
    assert b.get_conn_value(name) is None
    assert b.get_variable(name) is None


def test_what_is_odd(backend, caplog):
    b = backend(
        secret("z", {VARIABLE: "two"}, value="hunter2"),
        secret("a", {VARIABLE: "two"}, value="first"),
        secret("b", {VARIABLE: "none"}, other="hunter2"),
        secret("c", {VARIABLE: "binary"}, value=b"\xff\xfe"),
    )
    with caplog.at_level(logging.DEBUG):
        assert b.get_variable("two") == "first"
        assert b.get_variable("none") is None
        assert b.get_variable("binary") is None
    assert "hunter2" not in caplog.text


def test_airflow_loads_it():
    """Airflow loads the backend while it loads itself."""
    code = (
        "from airflow.configuration import ensure_secrets_loaded as e; print([type(b).__module__ for b in e()][0]); import airflow.models"
    )
    env = {
        "AIRFLOW__SECRETS__BACKEND": "trunkline_airflow.secrets.ClusterSecrets",
        "AIRFLOW__SECRETS__BACKEND_KWARGS": '{"namespace": "x"}',
    }
    import os

    got = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        env={**os.environ, **env, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert "trunkline_airflow.secrets" in got.stdout, got.stderr
