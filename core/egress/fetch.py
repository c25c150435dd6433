"""One question to a server of somebody else's, bounded in size and time: for what is asked now and then.

Whoever streams or asks often holds a client of their own (`transport.guarded_client`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from core.egress.errors import EgressFailed

SECONDS = 10.0
MOST_BYTES = 1_048_576


async def fetch(url: str, *, form: Mapping[str, str] | None = None, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """(status, body) of a GET, or of a POST with `form`; EgressRefused or EgressFailed when there is no answer to use."""
    import httpx2

    from core.egress.transport import guarded_client

    try:
        async with asyncio.timeout(SECONDS), guarded_client() as client:
            method = "GET" if form is None else "POST"
            async with client.stream(method, url, data=form, headers=dict(headers)) as answer:
                body = bytearray()
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise EgressFailed(f"The answer of {url} is too large.")
                return answer.status_code, bytes(body)
    except (httpx2.HTTPError, TimeoutError, ValueError) as error:
        raise EgressFailed(f"{url}: {type(error).__name__}: {error}"[:300]) from None
