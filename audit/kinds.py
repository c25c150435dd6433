"""The register of what can stand in the audit log. An unregistered kind is refused when the code is loaded or run."""

from __future__ import annotations

_kinds: dict[str, str] = {}


def register_kind(kind: str, meaning: str) -> str:
    """Make `kind` (`resource.verb`) known with the sentence that explains it to an auditor."""
    if _kinds.get(kind, meaning) != meaning:
        raise ValueError(f"The audit kind {kind} is registered twice with different meanings.")
    _kinds[kind] = meaning
    return kind


def known_kinds() -> dict[str, str]:
    return dict(sorted(_kinds.items()))


def require_known(kind: str) -> None:
    if kind not in _kinds:
        raise LookupError(f"{kind} is not a registered audit kind.")


SIGN_IN = register_kind("session.sign_in", "A person signed in, or tried to.")
SIGN_OUT = register_kind("session.sign_out", "A person signed out.")
REFRESH_REUSED = register_kind("session.refresh_reused", "A used refresh token came again; the session was ended.")
CREDENTIAL_REFUSED = register_kind("credential.refused", "A credential that was once valid was refused.")
ACCESS_DENIED = register_kind("access.denied", "An actor asked for something that their role does not allow.")
ERASED = "audit.erase_subject"  # registered by its action
CUT = register_kind("audit.cut", "Entries older than the retention policy were removed, by a recorded cut.")
OPERATOR_MADE = register_kind("user.make_operator", "A command on the server made a person an operator.")
PASSWORD_SET = register_kind("user.set_password", "A command on the server set a person's password.")
