"""What an address may do, whoever sits there: how many requests it may send, and whether it may open the operator admin.

What people and tokens may send is counted by the views.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.rest.address import client_ip
from core.errors import NotFound, TooManyRequests
from limits.admission import admit, place
from limits.rules import ADDRESS
from platform_site.errors import answer

_COUNTED = ("/api/", "/scim/", "/admin/")


class AddressLimitMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_COUNTED):
            ip = client_ip(request.META)
            if request.path.startswith("/admin/") and not _may_open_admin(ip):
                return answer(request, NotFound("There is nothing at this address."))
            try:
                admit((ADDRESS, place(ip)))
            except TooManyRequests as refusal:
                return answer(request, refusal)
        return self.get_response(request)


def _may_open_admin(ip: str | None) -> bool:
    if not settings.ADMIN_NETWORKS:
        return True
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(item, strict=False) for item in settings.ADMIN_NETWORKS)
