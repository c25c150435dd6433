"""Why a sign-in through another house did not come about. The codes reach the web client, which puts them in words."""

from __future__ import annotations

from core.errors import DomainError

#: Every code with what a person should know. A browser that comes back from another house is sent on with the code.
REASONS: dict[str, str] = {
    "attempt_over": "This sign-in took too long or was used already. Start again.",
    "other_browser": "This sign-in was started in another browser, or its cookie is gone. Start again here.",
    "connection_off": "This way of signing in was switched off. Ask an owner of the workspace.",
    "provider_refused": "Your organisation's sign-in page sent you back without signing you in.",
    "provider_unreachable": "Your organisation's sign-in service does not answer. Try again, or tell an owner.",
    "answer_refused": "The answer of your organisation's sign-in service could not be trusted. Tell an owner.",
    "no_stable_name": "Your organisation's sign-in service names you anew each time. Tell an owner: it must not.",
    "email_missing": "Your organisation's sign-in service did not tell your e-mail address. Tell an owner.",
    "email_unverified": "Your organisation's sign-in service does not vouch for your e-mail address. Tell an owner.",
    "domain_not_approved": "New people can join this way only with an address of a domain that was approved.",
    "link_first": "There is an account with your e-mail address. Sign in as you always do, then link it under Settings.",
    "groups_left_out": "Your organisation's sign-in service left out your groups, as they are too many. Tell an owner.",
    "no_role": "Nothing in your organisation's groups gives you a role here. Ask an owner.",
    "not_a_member": "You are not a member of this workspace. Ask for an invitation.",
    "account_disabled": "Your account was disabled. Ask an owner or an operator.",
    "no_operator": "This account may not open the operator admin.",
    "not_for_operators": "Operators may not come in this way. Another operator can allow it, under single sign-on.",
    "second_factor_enrolment_required": "A second factor is asked for here. Set one up in the web client first.",
    "identity_taken": "This sign-in belongs to another account already.",
    "other_person": "You came back as somebody else. Sign in there as yourself.",
    "not_fresh": "Your organisation's sign-in service did not ask you again who you are. Try once more.",
    "sso_required": "Another workspace asks you to sign in through its own sign-in service.",
    "session_over": "You were signed out meanwhile. Sign in again, then try once more.",
    "too_many_requests": "Too many sign-ins at once. Wait a minute, then try again.",
    "sso_failed": "The sign-in did not come about. Try again.",
}


class SsoFailed(DomainError):
    """Signing in through another house did not work; `code` says why, and `why` is for whoever sets the connection up."""

    status, title = 400, "The sign-in did not come about"

    def __init__(self, code: str, why: str = "") -> None:
        super().__init__(REASONS[code], code=code)
        self.why = why


def refused(why: str) -> SsoFailed:
    """What came from the other house cannot be trusted."""
    return SsoFailed("answer_refused", why)
