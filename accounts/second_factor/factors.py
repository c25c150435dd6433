"""A person's second factors: set up, listed, taken away, and reset by an operator. Each change ends the other sign-ins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction

from accounts.attempts import attempt
from accounts.mail import public_link, write_mail
from accounts.models import FactorChallenge, LoginSession, User
from accounts.second_factor import proofs
from accounts.second_factor.adapter import factors_of
from accounts.second_factor.challenges import LIFETIME, challenge_over, find_open, use_up
from accounts.second_factor.rules import is_required_of
from accounts.secret_links import new_secret
from accounts.sessions import end_other_sessions, mark_fresh, require_fresh
from audit.action import Action, action
from core.cipher import open_sealed, seal
from core.clock import now
from core.errors import Conflict, NotFound, ValidationFailed

MAX_KEYS = 20
_PREFIX = "fac_"
_SECRET = "secret"  # noqa: S105  # the name of a value
_CODES = Authenticator.Type.RECOVERY_CODES.value


@dataclass(frozen=True, slots=True)
class Factor:
    """A factor as its owner sees it."""

    id: str
    method: str
    name: str
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What is needed to set a factor up; the secret is shown here and never again."""

    challenge: str
    method: str
    secret: str | None = None
    uri: str | None = None
    qr_svg: str | None = None
    webauthn: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Enrolled:
    """The new factor, and the recovery codes if these are the person's first; shown once."""

    factor: Factor
    recovery_codes: Sequence[str] | None


def list_factors(user: User) -> list[Factor]:
    """A person's factors, without the recovery codes."""
    rows = Authenticator.objects.filter(user=user).exclude(type=_CODES)
    return [_factor(row) for row in rows.order_by("created_at", "pk")]


def codes_left(user: User) -> int | None:
    """How many recovery codes a person has left, None if they have none at all."""
    row = Authenticator.objects.filter(user=user, type=_CODES).first()
    return None if row is None else len(proofs.unused_codes(row, user))


def begin_enrolment(user: User, *, method: str, session: LoginSession) -> Enrolment:
    """What is needed to set a factor up; ReauthenticationRequired without a fresh proof of who one is."""
    require_fresh(session.pk)
    _refuse_one_too_many(user, method)
    token, digest = new_secret()
    challenge = FactorChallenge(
        user=user,
        purpose=FactorChallenge.Purpose.ENROL,
        client=session.client,
        session=session,
        how=method,
        digest=digest,
        created_at=now(),
        expires_at=now() + 2 * LIFETIME,
    )
    if method == proofs.WEBAUTHN:
        options = proofs.begin_new_security_key(user, challenge.state)
        challenge.save()
        return Enrolment(token, method, webauthn=options)
    from allauth.mfa.adapter import get_adapter
    from allauth.mfa.totp.internal.auth import generate_totp_secret

    secret = generate_totp_secret()
    challenge.state = {_SECRET: seal(secret, model="FactorChallenge", field="state", row=challenge.pk)}
    challenge.save()
    uri = get_adapter().build_totp_url(user, secret)
    return Enrolment(token, method, secret=secret, uri=uri, qr_svg=get_adapter().build_totp_svg(uri))


def finish_enrolment(
    actor: Any, *, user: User, session: LoginSession, challenge: str, response: Any, name: str
) -> Enrolled:
    """The factor is there once its first answer was right; ValidationFailed on `response` if it was not."""
    require_fresh(session.pk)
    row = find_open(challenge, purpose=FactorChallenge.Purpose.ENROL, client=session.client, session_id=session.pk)
    if row is None:
        raise ValidationFailed.on("challenge", "challenge_over", "This took too long. Begin again.")
    with attempt(name=f"second-factor:{user.pk}", ip=actor.ip) as tried:
        data = _proved(row, user, response)
        if data is None:
            raise ValidationFailed.on("response", "wrong_second_factor", "That was not right. Try again.")
        tried.was_right()
    with transaction.atomic():
        if not use_up(row):
            raise challenge_over()
        return _add_factor(actor, user=user, method=row.how, data=data, name=name)


@action("second_factor.add", requires=None)
def _add_factor(act: Action, *, user: User, method: str, data: dict[str, Any], name: str) -> Enrolled:
    """A person set up a second factor; their other sign-ins ended."""
    User.objects.select_for_update().get(pk=user.pk)
    _refuse_one_too_many(user, method)
    if method == proofs.WEBAUTHN:
        row = Authenticator(user=user, type=Authenticator.Type.WEBAUTHN, data={**data, "name": name or "Security key"})
        row.save()
    else:
        from allauth.mfa.totp.internal.auth import TOTP

        with factors_of(user):
            row = TOTP.activate(user, data[_SECRET]).instance
        row.data = {**row.data, "last_step": data["last_step"], "name": name or "Authenticator app"}
        row.save(update_fields=["data"])
    codes = None if Authenticator.objects.filter(user=user, type=_CODES).exists() else _fresh_codes(user)
    act.target(user)
    act.record(method=method, factor=_id_of(row), sessions_ended=_end_others(act, user, second_factor=True))
    _tell(user, "A second factor was added to your account", act.actor.ip)
    return Enrolled(_factor(row), codes)


@action("second_factor.rename", requires=None)
def rename_factor(act: Action, *, user: User, factor_id: str, name: str) -> Factor:
    """A person gave a second factor another name; nothing else about it changed."""
    with transaction.atomic():
        row = _find(user, factor_id)
        row = Authenticator.objects.select_for_update().get(pk=row.pk)
        row.data = {**row.data, "name": name}
        row.save(update_fields=["data"])
    act.target(user)
    act.record(factor=_id_of(row))
    return _factor(row)


@action("second_factor.remove", requires=None)
def remove_factor(act: Action, *, user: User, factor_id: str) -> None:
    """A person took a second factor away; their other sign-ins ended."""
    require_fresh(act.actor.session_id)
    User.objects.select_for_update().get(pk=user.pk)
    row = _find(user, factor_id)
    others = Authenticator.objects.filter(user=user).exclude(type=_CODES).exclude(pk=row.pk)
    if not others.exists():
        if is_required_of(user.pk):
            raise Conflict(
                "A second factor is asked for here, and this is your only one. Add another one first.",
                code="last_second_factor",
            )
        Authenticator.objects.filter(user=user, type=_CODES).delete()
    method, pk = _method_of(row), _id_of(row)
    row.delete()
    act.target(user)
    still = others.exists()
    act.record(method=method, factor=pk, sessions_ended=_end_others(act, user, second_factor=None if still else False))
    _tell(user, "A second factor was taken off your account", act.actor.ip)


@action("second_factor.new_recovery_codes", requires=None)
def regenerate_codes(act: Action, *, user: User) -> Sequence[str]:
    """A person made new recovery codes; the old ones are void."""
    require_fresh(act.actor.session_id)
    User.objects.select_for_update().get(pk=user.pk)
    if not proofs.has_factor(user.pk):
        raise Conflict("Set up a second factor first: recovery codes stand in for one.", code="no_second_factor")
    Authenticator.objects.filter(user=user, type=_CODES).delete()
    act.target(user)
    _tell(user, "New recovery codes were made for your account", act.actor.ip)
    return _fresh_codes(user)


@action("user.reset_second_factors", requires=None)
def reset_factors(act: Action, *, user: User) -> int:
    """An operator took all second factors off a person's account and ended their sign-ins."""
    removed = Authenticator.objects.filter(user=user).exclude(type=_CODES).count()
    Authenticator.objects.filter(user=user).delete()
    act.target(user)
    act.record(removed=removed, sessions_ended=end_other_sessions(user, keep=None))
    _tell(user, "An operator reset the second factors of your account", act.actor.ip)
    return removed


def _proved(row: FactorChallenge, user: User, response: Any) -> dict[str, Any] | None:
    """What is to be stored of a factor whose first answer is right; None if it is not."""
    if row.how == proofs.WEBAUTHN:
        right = isinstance(response, dict) and proofs.accept_new_security_key(user, dict(row.state), response)
        return {"credential": response} if right else None
    if not isinstance(response, str):
        return None
    secret = open_sealed(row.state[_SECRET], model="FactorChallenge", field="state", row=row.pk)
    step = proofs.step_of(secret, response)
    return None if step is None else {_SECRET: secret, "last_step": step}


def _refuse_one_too_many(user: User, method: str) -> None:
    kind = Authenticator.Type.WEBAUTHN if method == proofs.WEBAUTHN else Authenticator.Type.TOTP
    count = Authenticator.objects.filter(user=user, type=kind.value).count()
    if method == proofs.TOTP and count:
        raise Conflict(
            "You have an authenticator app already. Remove it before you set up another.", code="already_set_up"
        )
    if count >= MAX_KEYS:
        raise Conflict(f"You have {MAX_KEYS} security keys already. Remove one first.", code="too_many")


def _fresh_codes(user: User) -> list[str]:
    from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes

    with factors_of(user):
        return list(RecoveryCodes.activate(user).generate_codes())


def _end_others(act: Action, user: User, *, second_factor: bool | None) -> int:
    if act.actor.session_id:
        mark_fresh(act.actor.session_id, second_factor=second_factor)
    return end_other_sessions(user, keep=act.actor.session_id)


def _tell(user: User, what: str, ip: str | None) -> None:
    write_mail("security_notice", to=user.email, link=public_link("/settings/security/"), what=what, at=now(), ip=ip)


def _find(user: User, factor_id: str) -> Authenticator:
    number = factor_id.removeprefix(_PREFIX)
    if factor_id.startswith(_PREFIX) and number.isascii() and number.isdigit() and len(number) < 19:
        row = Authenticator.objects.filter(user=user, pk=int(number)).exclude(type=_CODES).first()
        if row is not None:
            return row
    raise NotFound()


def _factor(row: Authenticator) -> Factor:
    name = str(row.data.get("name") or "Authenticator app")
    return Factor(_id_of(row), _method_of(row), name, row.created_at, row.last_used_at)


def _method_of(row: Authenticator) -> str:
    return proofs.WEBAUTHN if row.type == Authenticator.Type.WEBAUTHN else proofs.TOTP


def _id_of(row: Authenticator) -> str:
    return f"{_PREFIX}{row.pk}"
