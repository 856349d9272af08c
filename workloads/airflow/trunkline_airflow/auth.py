# SPDX-License-Identifier: Apache-2.0
"""Who may do what in an Airflow that people reach through Trunkline's console.

The console asks who a person is and what they may do, and puts a token on each request that it passes on: a JSON Web Token as those that
Airflow makes itself, signed with the key of its API server, which ends after a minute. Nobody signs on here, there are no passwords, and
what comes without such a token is refused. Roles are those of Airflow's simple auth manager: VIEWER, USER, OP and ADMIN.
"""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.base_auth_manager import BaseAuthManager
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager, SimpleAuthManagerRole
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from fastapi import FastAPI
from fastapi.responses import PlainTextResponse

LOGIN = "/auth/login"
_TEXT = "This Airflow is reached through Trunkline's console, which signs people on: open it from the page of its environment.\n"


class AuthManager(SimpleAuthManager):
    """Takes people for who their token says, and lets them do what its role may."""

    def init(self) -> None:
        BaseAuthManager.init(self)  # the simple one makes users and passwords

    def deserialize_user(self, token: dict[str, Any]) -> SimpleAuthManagerUser:
        role = token["role"]
        if not isinstance(role, str) or role not in SimpleAuthManagerRole.__members__:
            raise ValueError(f"there is no role {role!r}")
        return SimpleAuthManagerUser(username=str(token["sub"]), role=role)

    def get_url_login(self, **_: Any) -> str:
        return LOGIN

    def get_fastapi_middlewares(self) -> list[Any]:
        return []  # that of the simple one makes everyone an administrator

    def is_authorized_hitl_task(self, *, assigned_users: set[str], user: SimpleAuthManagerUser) -> bool:
        return BaseAuthManager.is_authorized_hitl_task(self, assigned_users=assigned_users, user=user)

    def get_fastapi_app(self) -> FastAPI | None:
        app = FastAPI(title="Trunkline", docs_url=None, redoc_url=None, openapi_url=None)

        @app.get("/login")
        def login() -> PlainTextResponse:
            return PlainTextResponse(_TEXT, status_code=401)

        return app
