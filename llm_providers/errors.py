"""What can go wrong at a vendor, in our words. Pure: no Django, no HTTP library.

ProviderError
├── AuthFailed         the key is wrong or may not do this
├── RateLimited        too many requests; `retry_after` seconds when the vendor said so
├── Overloaded         the vendor is there but busy or broken (5xx)
├── Unreachable        no connection: down, wrong address, refused by the egress guard
├── TimedOut           connected, but no (further) answer in time
├── ModelGone          the vendor does not know this model (any more)
├── ContextTooLong     the messages do not fit the model's window
├── Refused            the vendor's own safety refusal, as an error
├── RequestRejected    any other 4xx
└── ProtocolBroken     the stream was cut, or was not what the vendor's documentation says
"""

from __future__ import annotations


class ProviderError(Exception):
    """`detail` is for people: what happened, and what to do next. It never holds a key or a vendor's whole body."""

    code = "provider_error"
    retryable = False

    def __init__(self, detail: str, *, retry_after: float | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after = retry_after


class AuthFailed(ProviderError):
    code = "provider_auth_failed"


class RateLimited(ProviderError):
    code = "provider_rate_limited"
    retryable = True


class Overloaded(ProviderError):
    code = "provider_overloaded"
    retryable = True


class Unreachable(ProviderError):
    code = "provider_unreachable"
    retryable = True


class TimedOut(ProviderError):
    code = "provider_timed_out"
    retryable = True


class ModelGone(ProviderError):
    code = "model_gone"


class ContextTooLong(ProviderError):
    code = "context_too_long"


class Refused(ProviderError):
    code = "refused"


class RequestRejected(ProviderError):
    code = "provider_rejected"


class ProtocolBroken(ProviderError):
    code = "provider_protocol"
