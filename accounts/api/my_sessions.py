"""Where I am signed in: listed, and ended one by one or all but this one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api import sign_in_bodies as b
from accounts.devices import device_name
from accounts.models import LoginSession
from accounts.rest.views import ApiView
from accounts.services import end_my_other_sessions, end_my_session
from accounts.sessions import live_sessions
from core.rest.pages import page_of


class MySessions(ApiView):
    personal = True
    permissions = {"GET": "signed_in", "DELETE": "signed_in"}

    @extend_schema(operation_id="me_sessions", responses=page_of(b.SessionOut))
    def get(self, request: Request) -> Response:
        """My sign-ins that are open, the operator admin's too."""
        return self.page(live_sessions(self.principal.user_id), self._present, ordering=("-last_used_at", "-id"))

    @extend_schema(operation_id="me_sessions_end", responses={200: b.EndedOut})
    def delete(self, request: Request) -> Response:
        """End all my sign-ins but this one."""
        return self.ok({"ended": end_my_other_sessions(self.actor, user=self.principal.load_user())})

    def _present(self, rows: Sequence[LoginSession]) -> list[dict[str, Any]]:
        return [
            {
                "id": row.id,
                "client": row.client,
                "device": device_name(row.user_agent),
                "ip": row.ip,
                "created_at": row.created_at,
                "last_used_at": row.last_used_at,
                "expires_at": row.expires_at,
                "second_factor": row.second_factor,
                "current": row.id == self.principal.session_id,
            }
            for row in rows
        ]


class MySession(ApiView):
    permissions = {"DELETE": "signed_in"}

    @extend_schema(operation_id="me_session_end", responses={204: None})
    def delete(self, request: Request, session_id: str) -> Response:
        """End one of my sign-ins."""
        row = self.find(live_sessions(self.principal.user_id), session_id)
        end_my_session(self.actor, session=row)
        return self.no_content()
