"""Error reports to Sentry, when the operator names a DSN: no personal data, no prompts, secrets masked."""

from __future__ import annotations

import json
from typing import Any

from platform_site.logs import mask


def start_sentry(dsn: str, *, release: str) -> None:
    """Imported only when wanted: it costs start-up time and memory."""
    import sentry_sdk
    from sentry_sdk.integrations.django import DjangoIntegration

    sentry_sdk.init(
        dsn=dsn,
        release=release,
        send_default_pii=False,
        max_request_body_size="never",
        include_local_variables=False,
        default_integrations=True,
        auto_enabling_integrations=False,  # the vendors' integrations would report prompts
        integrations=[DjangoIntegration()],
        before_send=_clean,
    )


def _clean(event: Any, _: Any) -> Any:
    return json.loads(mask(json.dumps(event, default=str)))
