"""What breaks in the web client, told by the page itself: a log line, and a report where Sentry is set up.

Pages talk to nobody but this server (docs/adr/0016), and anybody may call here. So everything is of a fixed shape: names as
programs have them, our own ids, places in our own files. There is no room for words.
"""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.core.validators import RegexValidator
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.rest.views import ApiView
from core.request_context import belongs_to
from core.rest.serializers import StrictIntegerField, StrictSerializer, TextField
from limits.admission import admit, place
from limits.rules import PAGE_ERROR
from platform_site.client_pages import find_file
from platform_site.sentry import report_page_error

log = structlog.get_logger("platform.page")

_FARTHEST = 10_000_000


def _shaped(pattern: str, **options: Any) -> TextField:
    validator = RegexValidator(rf"\A(?:{pattern})\Z", "This is not of the shape that pages send.")
    return TextField(max_length=200, validators=[validator], **options)


class FrameIn(StrictSerializer):
    """A place in one of the client's own files."""

    file = _shaped(r"/_next/static/[A-Za-z0-9_.~/-]+\.js")
    function = _shaped(r"[A-Za-z0-9_$.<>]{0,60}", allow_blank=True)
    line = StrictIntegerField(min_value=0, max_value=_FARTHEST)
    column = StrictIntegerField(min_value=0, max_value=_FARTHEST)


class PageErrorIn(StrictSerializer):
    """What broke, without a word of what was on the page."""

    error = _shaped(r"[A-Za-z]{1,60}", help_text="The error's name, such as TypeError.")
    code = _shaped(r"[a-z0-9_.]{0,60}", allow_blank=True, help_text="Of a refusal of ours, or of React's; or empty.")
    how = serializers.ChoiceField(
        choices=["screen", "uncaught", "rejection"], help_text="Whether a screen stopped working, or nobody caught it."
    )
    page = _shaped(r"/[A-Za-z0-9_./-]*", help_text="The path, which is kept as its route: with no ids.")
    run = _shaped(r"run_[0-9a-z]{26}", allow_null=True, help_text="The run on the screen.")
    failed_request = _shaped(
        r"[A-Za-z0-9._:-]{8,128}", allow_null=True, help_text="The request id of the last answer that was a refusal."
    )
    frames = serializers.ListField(child=FrameIn(), max_length=50)


class PageErrors(ApiView):
    permissions = {"POST": "anyone"}
    authentication_classes = ()

    @extend_schema(operation_id="page_error_report", request=PageErrorIn, responses={204: None}, auth=[])
    def post(self, request: Request) -> Response:
        """For the web client: something on a page broke. The X-Request-ID is the code that the person sees."""
        admit((PAGE_ERROR, place(self.client_ip)))
        told = self.read(PageErrorIn)
        told["page"] = _route_of(told["page"])
        belongs_to(run=told.pop("run"))
        frames = told.pop("frames")
        where = [f"{one['file']}:{one['line']}:{one['column']} {one['function']}".rstrip() for one in frames[:5]]
        log.warning("a page broke", where=where, **told)
        if settings.SENTRY_DSN:
            report_page_error(frames=frames, **told)
        return self.no_content()


def _route_of(path: str) -> str:
    """`/agents/_/` for `/agents/agt_…/`: the exported page that stands for it."""
    found = find_file(path if path.endswith("/") else f"{path}/")
    if found is None:
        return "/404/"
    folder = found.parent.relative_to(settings.CLIENT_BUILD).as_posix()
    return "/" if folder == "." else f"/{folder}/"
