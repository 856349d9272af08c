# SPDX-License-Identifier: Apache-2.0
import pytest

from trunkline_airflow.auth import AuthManager


@pytest.fixture
def manager():
    return AuthManager()


@pytest.mark.parametrize(
    ("role", "may"),
    [("VIEWER", (True, False, False)), ("USER", (True, True, False)), ("OP", (True, True, True)), ("ADMIN", (True, True, True))],
)
def test_roles(manager, role, may):
    user = manager.deserialize_user({"sub": "ada", "role": role})
    assert user.get_name() == "ada"
    got = (
        manager.is_authorized_dag(method="GET", user=user),
        manager.is_authorized_dag(method="PUT", user=user),
        manager.is_authorized_pool(method="PUT", user=user),
    )
    assert got == may


@pytest.mark.parametrize("role", ["ROOT", "admin", "", None, ["ADMIN"]])
def test_no_role(manager, role):
    with pytest.raises(ValueError, match="there is no role"):
        manager.deserialize_user({"sub": "ada", "role": role})


def test_nobody_without_a_role(manager):
    with pytest.raises(KeyError):
        manager.deserialize_user({"sub": "ada"})


def test_nobody_is_everybody(manager, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS", "True")
    assert manager.get_fastapi_middlewares() == []
    assert manager.get_url_login() == "/auth/login"
