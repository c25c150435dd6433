"""An operator who comes into the admin through a house, as the tests play it."""

from __future__ import annotations

import html
import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command

from accounts.models import SsoConnection, SsoIdentity, User
from accounts.tests.test_saml import corp as saml_corp  # noqa: F401
from tests.fixtures.doors import Client
from tests.fixtures.houses import Issuer
from tests.fixtures.people import Api

OPERATOR = {"sub": "op", "email": "op@corp.example"}
USERS = "/admin/accounts/user/"


@pytest.fixture
def operator(make_person: Any, workspace: Any, house: str, issuer: Issuer) -> Api:
    """Of the house, linked to it, without a password; the house is the only way in, and an operator opened it."""
    person: Api = make_person(workspace, "user", email=OPERATOR["email"])
    User.objects.filter(pk=person.person.pk).update(is_staff=True, is_superuser=True)
    person.person.refresh_from_db()
    connection = SsoConnection.objects.get()
    SsoIdentity.objects.create(
        connection=connection, user=person.person, issuer=issuer.origin, subject=OPERATOR["sub"], called=""
    )
    SsoConnection.objects.update(enforced=True)
    call_command("sso_operators", workspace.slug)
    return person


def setting_out(browser: Client, **form: Any) -> str:
    """From the admin's page; where the browser goes, "" if it stays."""
    page = browser.post("/admin/sso/", {"email": "anybody@corp.example", **form})
    return leads_to(page)


def leads_to(page: Any) -> str:
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.content.decode())
    return html.unescape(found[1]) if found else ""


def back(browser: Client, issuer: Issuer, url: str, **claims: Any) -> Any:
    """Through the provider, and through the page that goes on by itself; what the last one answers."""
    place = issuer.answer_to(url)
    issuer.claims = {**OPERATOR, **claims}
    return arriving(browser, urlsplit(place))


def arriving(browser: Client, place: Any) -> Any:
    sent = browser.get(f"{place.path}?{place.query}")
    assert sent.status_code == 303 and sent["Location"].startswith("/admin/sso/arrive/?"), sent.content
    page = browser.get(sent["Location"])
    return browser.get(leads_to(page)) if leads_to(page) else page


def is_in(browser: Client) -> bool:
    return browser.get(USERS).status_code == 200
