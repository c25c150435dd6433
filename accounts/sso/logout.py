"""OpenID Connect Back-Channel Logout 1.0: a provider says that somebody signed out there, and their sign-ins here end.

The word is a token that the provider signed for us a moment ago. It ends what this subject opened through this connection
before it was written, so a token that is sent again ends nothing new. A `sid` is not told apart: all of them end.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from accounts.models import LoginSession, SsoConnection, SsoIdentity
from accounts.sso.enforcement import how_through
from accounts.sso.errors import SsoFailed
from accounts.sso.oidc import SKEW_SECONDS, read_logout_token
from audit import record
from audit.action import Action, action
from audit.kinds import register_kind
from core.authz import Actor
from core.clock import now
from core.errors import NotFound
from core.request_context import current_request_id
from limits.admission import admit, place
from limits.rules import SIGN_ON

REFUSED = register_kind("sso.logout_refused", "A provider's word that somebody signed out there could not be trusted.")


def sign_out_by(connection_id: str, token: str, *, ip: str | None) -> int:
    """How many sign-ins ended. NotFound; or SsoFailed, on record, for a token that proves nothing; or
    TooManyRequests, for too many of those."""
    connection = SsoConnection.objects.filter(pk=connection_id, kind=SsoConnection.Kind.OIDC, enabled=True).first()
    if connection is None:
        raise NotFound()
    actor = Actor("system", None, "provider", connection.workspace_id, request_id=current_request_id(), ip=ip)
    try:
        claims = read_logout_token(connection, token)
    except SsoFailed as refusal:
        # Anybody may send rubbish here: it fills nobody's log. A provider's own tokens are not counted.
        admit((SIGN_ON, place(ip)))
        data = {"connection": connection.pk, "why": refusal.code, "reason": refusal.why[:200]}
        record.record_refusal(actor, kind=REFUSED, data=data)
        raise
    found = SsoIdentity.objects.select_related("user").filter(
        connection=connection, issuer=connection.issuer, subject=claims["sub"]
    )
    identity = next((row for row in found if row.subject == claims["sub"]), None)
    if identity is None:
        return 0  # nobody whom we know: there is nothing to end
    return _end(actor, connection=connection, identity=identity, claims=claims)


@action("sso.logout", requires=None)
def _end(act: Action, *, connection: SsoConnection, identity: SsoIdentity, claims: dict[str, Any]) -> int:
    """A provider said that somebody signed out there; their sign-ins through it ended."""
    until = datetime.fromtimestamp(claims["iat"] + SKEW_SECONDS, UTC)
    rows = LoginSession.objects.filter(
        user_id=identity.user_id, how__startswith=how_through(connection.pk), ended_at=None, created_at__lte=until
    )
    ended = rows.update(ended_at=now())
    act.target(identity.user)
    act.record(connection=connection.pk, sessions_ended=ended)
    return ended
