"""Another e-mail address for a person: it holds once both the old and the new one have confirmed it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from accounts.attempts import attempt
from accounts.mail import is_mail_set_up, public_link, write_mail
from accounts.models import EmailChange, PasswordReset, User, clean_email
from accounts.secret_links import digest_of, new_secret
from accounts.sessions import end_other_sessions, require_fresh
from accounts.sso.enforcement import refuse_way_out
from audit.action import Action, action
from core.authz import Actor
from core.clock import now
from core.errors import Conflict, ValidationFailed
from core.request_context import current_request_id

LIFETIME = timedelta(hours=2)
PAGE = "/confirm-email/"


@action("email.request_change", requires=None)
def request_email_change(act: Action, *, user: User, email: str) -> None:
    """A person asked to sign in with another e-mail address."""
    require_fresh(act.actor.session_id)
    if not is_mail_set_up():
        raise Conflict(
            "This installation sends no mail, so an address cannot be confirmed. Ask its operator to change yours.",
            code="mail_not_set_up",
        )
    address, moment = clean_email(email), now()
    if address == user.email:
        raise ValidationFailed.on("email", "same", "This is your address already.")
    refuse_way_out(user)
    User.objects.select_for_update().get(pk=user.pk)
    EmailChange.objects.filter(user=user, done_at=None).delete()
    act.target(user)
    old, old_digest = new_secret()
    new, new_digest = new_secret()
    change = EmailChange.objects.create(
        user=user,
        old_email=user.email,
        new_email=address,
        old_digest=old_digest,
        new_digest=new_digest,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )
    minutes, until = int(LIFETIME.total_seconds() // 60), change.expires_at
    write_mail(
        "email_old", to=user.email, link=public_link(PAGE, old), expires_at=until, new_email=address, minutes=minutes
    )
    # Somebody else's address gets the same mail, so that the answer here tells nothing; it is refused when it is confirmed.
    write_mail("email_new", to=address, link=public_link(PAGE, new), expires_at=until, minutes=minutes)


def confirm_email(*, token: str, ip: str | None) -> bool:
    """One of the two addresses agrees; whether the change holds now. ValidationFailed on `token` if it is no good."""
    digest, moment = digest_of(token), now()
    with attempt(name="", ip=ip) as tried:
        held = _note_agreement(digest, moment, ip)
        tried.was_right()
    return held


def _note_agreement(digest: str, moment: datetime, ip: str | None) -> bool:
    with transaction.atomic():
        found = EmailChange.objects.filter(done_at=None, expires_at__gt=moment)
        row = found.filter(old_digest=digest).first() or found.filter(new_digest=digest).first()
        if row is not None:
            user = User.objects.select_for_update().get(pk=row.user_id)
            row = found.select_for_update().filter(pk=row.pk).first()
        if row is None or not user.is_active or user.email != row.old_email:
            raise ValidationFailed.on("token", "invalid_link", "This link is not valid (any more). Ask for a new one.")
        if digest == row.old_digest:
            row.old_confirmed_at = row.old_confirmed_at or moment
        else:
            row.new_confirmed_at = row.new_confirmed_at or moment
        row.save(update_fields=["old_confirmed_at", "new_confirmed_at"])
        if row.old_confirmed_at is None or row.new_confirmed_at is None:
            return False
        actor = Actor("user", user.pk, user.email, None, request_id=current_request_id(), ip=ip)
        _change_email(actor, user=user, change=row)
    return True


@action("email.change", requires=None)
def _change_email(act: Action, *, user: User, change: EmailChange) -> None:
    """A person signs in with another e-mail address from now on; both had confirmed it. Their sign-ins ended."""
    act.target(user)
    refuse_way_out(user)
    user.email = change.new_email
    try:
        with transaction.atomic():
            user.save(update_fields=["email"])
    except IntegrityError:
        raise ValidationFailed.on(
            "token", "taken", "Somebody signs in with this address already. Ask for the change with another one."
        ) from None
    change.done_at = now()
    change.save(update_fields=["done_at"])
    PasswordReset.objects.filter(user=user, used_at=None).delete()
    act.record(sessions_ended=end_other_sessions(user, keep=None))
