"""Into the operator admin through another house: through connections that an operator opened for it, for operators only.

A workspace's owners run its connections, and could have them say that they are anybody. For the workspace that is theirs to
decide; for the whole installation it is not.
"""

from __future__ import annotations

from accounts.models import FactorChallenge, LoginSession, SsoAttempt, SsoConnection, User
from accounts.second_factor.challenges import ask
from accounts.second_factor.proofs import has_factor
from accounts.second_factor.rules import must_have_for_admin
from accounts.sign_in import refuse_other_ways
from accounts.sso.assertion import Assertion
from accounts.sso.domains import connections_for
from accounts.sso.ending import recognise, record_refused_answer
from accounts.sso.enforcement import how_through
from accounts.sso.errors import SsoFailed
from accounts.sso.identities import identities_of


def ways_in(email: str) -> list[SsoConnection]:
    """The connections through which operators with an address of this domain come in. People are not looked at."""
    return [one for one in connections_for(email) if one.opens_admin]


def is_there_a_way_in() -> bool:
    """Whether anybody comes into the operator admin through another house."""
    rows = SsoConnection.objects.filter(enabled=True, opens_admin_since__isnull=False)
    return any(one.opens_admin for one in rows)


def ways_to_prove(user: User) -> list[SsoConnection]:
    """The connections through which this operator can prove anew who they are: those that know them already."""
    linked = [one.connection for one in identities_of(user)]
    return [one for one in {row.pk: row for row in linked}.values() if one.enabled and one.opens_admin]


def admit_operator(attempt: SsoAttempt, said: Assertion, *, ip: str | None) -> tuple[User, str]:
    """Who may open the admin now, and how they proved themselves; SecondFactorRequired, SsoFailed, SsoRequired.

    The same rules as after a password: the second factor of those who have one, and of everybody where it is asked for.
    `recognise` lets no closed account through.
    """
    client, how = LoginSession.Client.ADMIN, how_through(attempt.connection_id)
    user = recognise(attempt, said, ip=ip)
    refuse_other_ways(user, how, client=client, ip=ip)
    if has_factor(user.pk):
        raise ask(user, purpose=FactorChallenge.Purpose.SIGN_IN, client=client, how=how).as_error()
    if must_have_for_admin():
        refusal = SsoFailed("second_factor_enrolment_required")
        record_refused_answer(attempt, refusal, ip=ip)
        raise refusal
    return user, how
