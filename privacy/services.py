"""What a person asks for about themselves."""

from __future__ import annotations

from accounts.sessions import require_fresh
from audit.action import Action, action


@action("person.export", requires=None)
def begin_export(act: Action) -> None:
    """A person took a copy of their own data."""
    require_fresh(act.actor.session_id)
    act.record(subject=act.person_id)
