"""Writing mails: a row in the transaction of the change, sent afterwards by whoever works (accounts.mail_delivery).

One template a kind, `templates/mail/<kind>.txt`: its first line is the subject, its paragraphs become the text and the
HTML alike. Must not know how a mail is sent.
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.template import Context
from django.template.loader import get_template, render_to_string

from accounts.models import OutgoingMail
from core.cipher import SealedColumn, open_sealed, seal
from core.clock import now
from core.egress.mail import MailServer
from jobs.bells import enlist

MAIL_KIND = "mail"
KEPT_FOR = timedelta(hours=24)
LABELS = {
    "invitation": "Accept the invitation",
    "password_reset": "Choose a new password",
    "sign_in_elsewhere": "Sign in",
    "email_new": "Confirm the address",
    "email_old": "Agree to the change",
    "security_notice": "Look at my sign-ins",
}
SEALED = SealedColumn("accounts.OutgoingMail", "body", lambda row: _bound_to(str(row.pk)))


def mail_server() -> MailServer | None:
    """The server that the operator named, None if mail is not set up."""
    named: dict[str, Any] | None = settings.MAIL_SERVER
    return MailServer(**named) if named else None


def is_mail_set_up() -> bool:
    return settings.MAIL_SERVER is not None


def public_link(path: str, token: str = "") -> str:
    """An address of the web client. A secret stands behind the `#`, so that no server's log ever sees it."""
    return f"{settings.PUBLIC_URL}{path}" + (f"#token={quote(token)}" if token else "")


def write_mail(kind: str, *, to: str, link: str, expires_at: datetime | None = None, **facts: Any) -> bool:
    """Make a mail due, in the present transaction. False, and nothing is written, if mail is not set up."""
    if not is_mail_set_up():
        return False
    subject, text, html = render_mail(kind, link=link, **facts)
    mail = OutgoingMail(kind=kind, to=to, next_try_at=now(), expires_at=expires_at or now() + KEPT_FOR)
    model, field, row = _bound_to(mail.pk)
    body = json.dumps({"subject": subject, "text": text, "html": html})
    mail.body = seal(body, model=model, field=field, row=row)
    mail.save()
    enlist(MAIL_KIND, mail.pk)
    return True


def read_body(mail: OutgoingMail) -> dict[str, str]:
    """`{subject, text, html}` of a mail that is due; SecretUnreadable if its key is gone."""
    model, field, row = _bound_to(mail.pk)
    content: dict[str, str] = json.loads(open_sealed(mail.body, model=model, field=field, row=row))
    return content


def render_mail(kind: str, *, link: str, **facts: Any) -> tuple[str, str, str]:
    """(subject, text, HTML) of one kind of mail."""
    plain = {name: _one_line(value) if isinstance(value, str) else value for name, value in facts.items()}
    template: Any = get_template(f"mail/{kind}.txt")
    # Plain text has nothing to escape; the HTML layout escapes every paragraph that it is given.
    whole = template.template.render(Context({"link": link, **plain}, autoescape=False))
    subject, _, body = whole.partition("\n")
    paragraphs = [part.strip() for part in re.split(r"\n\s*\n", body) if part.strip()]
    html = render_to_string(
        "mail/layout.html",
        {"subject": subject.strip(), "paragraphs": paragraphs, "link": link, "label": LABELS[kind]},
    )
    return subject.strip(), "\n\n".join(paragraphs) + "\n", html


def _one_line(text: str) -> str:
    """What people named something, as one line: a mail's text is made of lines."""
    return " ".join(text.split())


def _bound_to(mail_id: str) -> tuple[str, str, str]:
    return "OutgoingMail", "body", mail_id
