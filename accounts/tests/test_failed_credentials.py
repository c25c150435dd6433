"""A credential that was good once and is refused is on record, once a minute; one that never was leaves nothing. (G23)"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.models import LoginSession
from accounts.sessions import open_session, sign_out
from accounts.tokens import mint_tokens, principals_from_access_tokens
from audit.denials import counts_of
from audit.models import AuditEntry
from core.errors import NotAuthenticated
from tests.fixtures.people import Api


def refusals() -> list[tuple[str, str, int]]:
    rows = AuditEntry.objects.filter(kind="credential.refused", first="").order_by("at")
    assert all(row.outcome == "denied" and row.target_type == "user" and row.ip for row in rows)
    return [
        (row.target_id, row.data["reason"], count) for row, count in zip(rows, counts_of(rows).values(), strict=True)
    ]


def test_g23_a_token_of_an_ended_sign_in(owner: Api) -> None:
    session = LoginSession.objects.get(user=owner.person)
    sign_out(session_id=session.pk, ip=None)
    for _ in range(3):
        assert owner.get("/api/v1/me/").status_code == 401
    (found,) = principals_from_access_tokens([(str(owner.token), "127.0.0.1")])
    assert isinstance(found, NotAuthenticated)
    assert refusals() == [(owner.person.id, "ended", 4)]


def test_g23_a_token_of_somebody_who_was_disabled(owner: Api) -> None:
    owner.person.is_active = False
    owner.person.save()
    assert owner.get("").status_code == 401
    assert refusals() == [(owner.person.id, "ended", 1)]


def test_g23_an_expired_token(owner: Api, nobody: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.tokens.ACCESS_LIFETIME", timedelta(seconds=-1))
    session = open_session(owner.person, client="api", ip="127.0.0.1")
    nobody.token = mint_tokens(session).access
    answer = nobody.get("me/")
    assert answer.status_code == 401 and answer.data["detail"].startswith("The token is not valid (any more)")
    assert refusals() == [(owner.person.id, "expired", 1)]


def test_g23_a_refresh_token_of_an_ended_sign_in(owner: Api, nobody: Api) -> None:
    session = open_session(owner.person, client="api", ip="127.0.0.1")
    refresh = mint_tokens(session).refresh
    sign_out(session_id=session.pk, ip=None)
    assert nobody.post("auth/token/refresh/", {"refresh": refresh}).status_code == 401
    assert refusals() == [(owner.person.id, "ended", 1)]


@pytest.mark.parametrize("token", ["x", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1c3JfeCJ9.x", "a.b.c", "", "ü"])
def test_g23_what_never_was_a_token_leaves_nothing(owner: Api, nobody: Api, token: str) -> None:
    before = AuditEntry.objects.count()
    for shown in (token, f"{str(owner.token)[:-6]}AAAAAA"):
        assert nobody.get("me/", Authorization=f"Bearer {shown}".strip()).status_code == 401
        answer: Any = nobody.post("auth/token/refresh/", {"refresh": shown or "x"})
        assert answer.status_code == 401
    assert AuditEntry.objects.count() == before
