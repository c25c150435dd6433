"""The one way out for mail: SMTP to the server that the operator named, over TLS unless they said otherwise.

Must not know what is in a mail. Blocking: call it from a thread of one's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import smtplib

TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class MailServer:
    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    tls: Literal["starttls", "implicit", "off"] = "starttls"
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail to one person, as plain text and as HTML. `message_id` stays the same over all tries."""

    message_id: str
    sender: str
    to: str
    subject: str
    text: str
    html: str = field(repr=False)


class MailRefused(Exception):
    """The server will never take this mail: do not try again."""


class MailNotTaken(Exception):
    """It did not work this time: the server is away, busy, or does not know us. Try again later."""


def send_letter(server: MailServer, letter: Letter) -> None:
    """Hand one letter over. MailRefused when it is no use to try again, MailNotTaken when it may be."""
    import smtplib

    message = EmailMessage()
    message["From"] = letter.sender
    message["To"] = letter.to
    message["Subject"] = letter.subject
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = letter.message_id
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(letter.text)
    message.add_alternative(letter.html, subtype="html")
    with _connected(server) as connection:
        try:
            connection.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            raise _judged(code, text) from None
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
            raise _judged(error.smtp_code, error.smtp_error) from None


def try_mail_server(server: MailServer) -> str:
    """Connect and sign in, send nothing; what was reached, in words. MailNotTaken if it does not work."""
    with _connected(server) as connection:
        connection.noop()
        secured = "without TLS" if server.tls == "off" else "over TLS"
        known = f", signed in as {server.user}" if server.user else ""
    return f"{server.host}:{server.port} answers {secured}{known}."


class _connected:
    """A connection that is signed in; every way in which it can break is a MailNotTaken."""

    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._connection: Any = None

    def __enter__(self) -> smtplib.SMTP:
        import smtplib
        import ssl

        server = self._server
        context = ssl.create_default_context(cafile=server.ca_file or None)
        try:
            if server.tls == "implicit":
                self._connection = smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_SECONDS, context=context)
            else:
                self._connection = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_SECONDS)
                if server.tls == "starttls":
                    self._connection.starttls(context=context)
            if server.user:
                self._connection.login(server.user, server.password)
        except (OSError, smtplib.SMTPException) as error:
            self._close()
            raise MailNotTaken(_described(error)) from None
        connection: smtplib.SMTP = self._connection
        return connection

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        import smtplib

        self._close()
        if isinstance(error, OSError | smtplib.SMTPException):
            raise MailNotTaken(_described(error)) from None

    def _close(self) -> None:
        import smtplib

        if self._connection is not None:
            try:
                self._connection.quit()
            except (OSError, smtplib.SMTPException):
                self._connection.close()


def _judged(code: int, text: bytes | str) -> Exception:
    said = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    shown = f"{code} {said}"[:200]
    return MailRefused(shown) if 500 <= code < 600 else MailNotTaken(shown)


def _described(error: BaseException) -> str:
    """What went wrong, without what was sent: an authentication error may quote it."""
    import smtplib

    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"The server does not take the user name and password ({error.smtp_code})."
    return f"{type(error).__name__}: {error}"[:200]
