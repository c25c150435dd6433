"""Answers to what no view caught: problems under /api/, pages for people elsewhere."""

from __future__ import annotations

import sys

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from core import errors
from core.rest.problem import as_domain_error, problem_response


def answer(request: HttpRequest, error: errors.DomainError) -> HttpResponse:
    """A problem for programs, a page for people."""
    if request.path.startswith("/api"):
        return problem_response(error)
    page = render(request, "error.html", {"error": error}, status=error.status)
    for name, value in error.headers.items():
        page[name] = value
    return page


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, errors.ValidationFailed("The request is malformed.", code="malformed"))


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return answer(request, errors.NotFound("There is nothing at this address."))


def server_error(request: HttpRequest) -> HttpResponse:
    exception = sys.exc_info()[1]
    error = as_domain_error(exception) if exception else errors.Unavailable()
    if error.status == 500 or not request.path.startswith("/api"):
        error.headers.pop("WWW-Authenticate", None)
    return answer(request, error)
