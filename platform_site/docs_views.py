"""The OpenAPI document and its interactive reader, with every file served from here."""

from __future__ import annotations

from functools import lru_cache

import orjson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.templatetags.static import static

_POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'"
)


@lru_cache(maxsize=1)
def schema_bytes() -> bytes:
    """The OpenAPI 3.1 document as JSON; made on first use, as making it is slow and it never changes."""
    from drf_spectacular.generators import SchemaGenerator

    return orjson.dumps(SchemaGenerator(api_version="1").get_schema(request=None, public=True))


def schema(request: HttpRequest) -> HttpResponse:
    return HttpResponse(schema_bytes(), content_type="application/vnd.oai.openapi+json; charset=utf-8")


def docs(request: HttpRequest) -> HttpResponse:
    base = static("drf_spectacular_sidecar/swagger-ui-dist")
    response = render(request, "api_docs.html", {"base": base})
    response["Content-Security-Policy"] = _POLICY
    return response


def docs_script(request: HttpRequest) -> HttpResponse:
    script = (
        "window.addEventListener('load', () => SwaggerUIBundle({url: '/api/schema/', dom_id: '#docs', "
        "deepLinking: true, persistAuthorization: false, validatorUrl: null}));"
    )
    return HttpResponse(script, content_type="text/javascript; charset=utf-8")


def error_reference(request: HttpRequest) -> HttpResponse:
    """What each error code means and what to do: from the docstrings of core.errors."""
    from core import errors

    kinds = sorted(
        (item for item in vars(errors).values() if isinstance(item, type) and issubclass(item, errors.DomainError)),
        key=lambda kind: kind.status,
    )
    rows = [{"code": k.code, "status": k.status, "title": k.title, "advice": k.__doc__} for k in kinds[0:]]
    return render(request, "error_reference.html", {"rows": [r for r in rows if r["code"] != "error"]})
