"""A new password for whoever lost theirs: by a link in a mail, or one that an operator hands over.

Asking costs the same and answers the same for every address: whether it is anybody's is looked up afterwards, by whoever
does the work in the background.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import quote

from django.db import transaction

from accounts.attempts import attempt
from accounts.mail import is_mail_set_up, public_link, write_mail
from accounts.models import PasswordReset, SsoConnection, User, clean_email
from accounts.passwords import check_password_rules
from accounts.secret_links import digest_of, fingerprint, new_secret
from accounts.sessions import end_other_sessions
from accounts.sso.enforcement import enforcing, refuse_where_enforced
from accounts.sso.identities import identities_of
from audit import record
from audit.action import Action, action
from audit.kinds import register_kind as register_audit_kind
from core.authz import Actor
from core.clock import now
from core.db import in_db
from core.errors import Conflict, ValidationFailed
from core.request_context import current_request_id
from jobs.bells import enlist
from jobs.registry import JobKind, register_kind

RESET_KIND = "password_reset"
LIFETIME = timedelta(minutes=30)
PAGE, SIGN_IN_PAGE = "/reset-password/", "/sign-in/"
#: So many mails an hour go to one address, whoever asks.
FOR_AN_ADDRESS = 3
REMEMBERED_FOR = timedelta(days=7)
REQUESTED = register_audit_kind("password.reset_request", "Somebody asked for a new password for a person.")


def request_reset(*, email: str, ip: str | None) -> None:
    """Somebody asks for a new password. Nothing tells whether there is such a person."""
    if not is_mail_set_up():
        raise Conflict(
            "This installation sends no mail. Ask its operator for a link to choose a new password.",
            code="mail_not_set_up",
        )
    address, moment = clean_email(email), now()
    with attempt(name=f"reset:{address}", ip=ip), transaction.atomic():
        PasswordReset.objects.filter(created_at__lt=moment - REMEMBERED_FOR).delete()
        lately = PasswordReset.objects.filter(email=address, created_at__gt=moment - timedelta(hours=1))
        if lately.count() >= FOR_AN_ADDRESS:
            return
        row = PasswordReset.objects.create(email=address, created_at=moment, expires_at=moment + LIFETIME)
        enlist(RESET_KIND, row.pk)


@action("password.reset", requires=None)
def _set_password(act: Action, *, user: User, password: str) -> None:
    """A person chose a new password by a link; all their sign-ins ended."""
    user.set_password(password)
    user.save(update_fields=["password"])
    act.target(user)
    act.record(sessions_ended=end_other_sessions(user, keep=None))
    write_mail(
        "security_notice",
        to=user.email,
        link=public_link("/settings/security/"),
        what="The password of your account was changed by a link",
        at=now(),
        ip=act.actor.ip,
    )


def reset_password(*, token: str, password: str, ip: str | None) -> None:
    """Choose a new password with a link's secret; ValidationFailed on `token` for every reason why it is no good.

    A password that is refused does not use the link up.
    """
    with attempt(name="", ip=ip) as tried:
        user = _person_of(token)
        tried.was_right()
    refuse_where_enforced(user)
    check_password_rules(password, user)
    with transaction.atomic():
        user = _person_of(token, lock=True)
        PasswordReset.objects.filter(digest=digest_of(token)).update(used_at=now())
        actor = Actor("user", user.pk, user.email, None, request_id=current_request_id(), ip=ip)
        _set_password(actor, user=user, password=password)


def _person_of(token: str, *, lock: bool = False) -> User:
    """Whose new password this link is for, if it is still good."""
    rows = PasswordReset.objects.filter(digest=digest_of(token), used_at=None, expires_at__gt=now())
    row = (rows.select_for_update() if lock else rows).first()
    if row is not None and row.user_id is not None:
        people = User.objects.filter(pk=row.user_id, is_active=True)
        user = (people.select_for_update() if lock else people).first()
        if user is not None and row.bound_to == _present(user):
            return user
    raise ValidationFailed.on("token", "invalid_link", "This link is not valid (any more). Ask for a new one.")


@action("user.start_password_reset", requires=None)
def start_reset(act: Action, *, user: User) -> tuple[str, datetime]:
    """An operator made a link for a person to choose a new password."""
    moment = now()
    row = PasswordReset(email=user.email, created_at=moment, looked_up_at=moment, expires_at=moment + LIFETIME)
    secret = _bind(row, user)
    act.target(user)
    return public_link(PAGE, secret), row.expires_at


def look_up(reset_id: str) -> None:
    """Send a link, if the address is somebody's; or a word about the way in, if it is not by password."""
    with transaction.atomic():
        row = PasswordReset.objects.select_for_update().filter(pk=reset_id, looked_up_at=None).first()
        if row is None:
            return
        row.looked_up_at = now()
        user = User.objects.filter(email=row.email, is_active=True, kind=User.Kind.PERSON).first()
        if user is None or row.expires_at <= now():
            row.save(update_fields=["looked_up_at"])
            return
        if due := enforcing(user):
            row.save(update_fields=["looked_up_at"])
            _say_where_to_go(user, due)
            return
        secret = _bind(row, user)
        actor = Actor("system", None, "mail", None)
        record.write_entry(actor, kind=REQUESTED, target=("user", user.pk))
        minutes = int(LIFETIME.total_seconds() // 60)
        link = public_link(PAGE, secret)
        write_mail(
            "password_reset", to=user.email, link=link, expires_at=row.expires_at, email=user.email, minutes=minutes
        )


def _say_where_to_go(user: User, due: list[SsoConnection]) -> None:
    """A new password would open nothing: they sign in through their organisation, and the mail says so."""
    record.write_entry(
        Actor("system", None, "mail", None), kind=REQUESTED, target=("user", user.pk), data={"answer": "sso_required"}
    )
    linked = identities_of(user).filter(connection__in=due).exists()
    names = " or ".join(one.name for one in due)
    link = f"{public_link(SIGN_IN_PAGE)}#email={quote(user.email)}"
    write_mail("sign_in_elsewhere", to=user.email, link=link, email=user.email, names=names, linked=linked)


def register_resets() -> None:
    """Make them known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    async def run(reset_id: str) -> None:
        await in_db(look_up, reset_id)

    register_kind(JobKind(name=RESET_KIND, run=run, due=due, concurrency=2))


def _due(limit: int) -> list[str]:
    waiting = PasswordReset.objects.filter(looked_up_at=None)
    return list(waiting.order_by("created_at").values_list("pk", flat=True)[:limit])


def _bind(row: PasswordReset, user: User) -> str:
    """Make the link's secret; it dies with the password that it is meant to replace."""
    secret, row.digest = new_secret()
    row.user, row.bound_to = user, _present(user)
    row.save()
    return secret


def _present(user: User) -> str:
    """What a link is meant to replace, and where it was sent; with either of them it dies."""
    return fingerprint(f"{user.email} {user.password}")
