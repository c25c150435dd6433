"""How many requests one address may send, whoever it is; what people and tokens may send is counted by the views."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from accounts.rest.address import client_ip
from core.errors import TooManyRequests
from limits.admission import admit, place
from limits.rules import ADDRESS
from platform_site.errors import answer

_COUNTED = ("/api/", "/admin/")


class AddressLimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_COUNTED):
            try:
                admit((ADDRESS, place(client_ip(request.META))))
            except TooManyRequests as refusal:
                return answer(request, refusal)
        return self.get_response(request)
