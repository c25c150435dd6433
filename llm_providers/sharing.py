"""How providers are shared: what each level lets people do. Their models are reached as they are."""

from __future__ import annotations

from accounts.sharing import Level, Sharing
from core.authz import Permission as P

PROVIDER = Sharing(
    name="provider",
    stands_for={
        Level.VIEW: P.PROVIDER_VIEW,
        Level.RUN: P.MODEL_VIEW,
        Level.EDIT: P.PROVIDER_EDIT,
        Level.MANAGE: P.PROVIDER_SHARE,
    },
    levels={P.PROVIDER_VIEW: Level.VIEW, P.MODEL_VIEW: Level.RUN, P.PROVIDER_EDIT: Level.EDIT},
    reaches_all=P.PROVIDER_EDIT_ANY,
    opens=Level.RUN,
    owned=False,
)
