"""Telling a person that their account was signed in to with something new: by mail where it is set up, and on record.

New is what they have not used together before: the kind of program, and the network (as wide as a provider's, so that an
address that changes every night is none). A guess from what is at hand, for people; nothing is let in or refused by it.
"""

from __future__ import annotations

import ipaddress

from accounts.devices import device_name
from accounts.mail import public_link, write_mail
from accounts.models import LoginSession
from audit import record
from audit.kinds import register_kind
from core.authz import Actor

KIND = register_kind(
    "session.new_device", "Somebody signed in with a program, or from a network, that was new for them."
)
#: So many of a person's newest sign-ins are looked at.
LOOKED_AT = 200
_WIDTHS = {4: 16, 6: 32}


def tell_of_new_device(session: LoginSession, *, actor: Actor) -> None:
    """In the transaction that opens the session. Nothing is new about the first one."""
    others = LoginSession.objects.filter(user_id=session.user_id).exclude(pk=session.pk).order_by("-created_at")
    before = {_device(*row) for row in others.values_list("user_agent", "ip")[:LOOKED_AT]}
    if not before or _device(session.user_agent, session.ip) in before:
        return
    record.write_entry(
        actor, kind=KIND, target=("user", session.user_id), data={"client": session.client, "session": session.pk}
    )
    write_mail(
        "security_notice",
        to=session.user.email,
        link=public_link("/settings/sessions/"),
        what=f"A sign-in to your account from a new device ({_in_words(session.user_agent)})",
        at=session.last_used_at,
        ip=session.ip,
    )


def _device(user_agent: str, ip: str | None) -> tuple[str, str]:
    if not ip:
        return device_name(user_agent), ""
    address = ipaddress.ip_address(ip)
    network = ipaddress.ip_network((address, _WIDTHS[address.version]), strict=False)
    return device_name(user_agent), str(network)


def _in_words(user_agent: str) -> str:
    """What we know it as; never words of its own, which somebody else may have chosen for the reader of the mail."""
    name = device_name(user_agent)
    return "a program that we do not know" if name == user_agent[:60] else name
