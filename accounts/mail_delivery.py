"""Sending the mails that are due, with patience.

A mail that we know was taken is never sent again. When a process dies between handing a mail over and noting it, nobody
knows; it is then sent once more, with the same Message-ID, because a lost link is worse than a second copy.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from django.conf import settings
from django.db.models import F

from accounts.mail import MAIL_KIND, mail_server, read_body
from accounts.models import OutgoingMail
from core.cipher import SecretUnreadable
from core.clock import now
from core.db import in_db
from core.egress.mail import Letter, MailNotTaken, MailRefused, send_letter
from jobs.registry import JobKind, register_kind

log = logging.getLogger(__name__)

#: Longer than any conversation with a mail server lasts.
LEASE = timedelta(minutes=10)
#: How long to wait after each failure; the last one holds for all that follow, until the mail is of no use any more.
BACK_OFF = tuple(timedelta(seconds=seconds) for seconds in (15, 60, 240, 900, 3600))
#: How long it stays known that a mail was sent, and to whom.
REMEMBERED_FOR = timedelta(days=30)
AT_ONCE = 2

_threads: ThreadPoolExecutor | None = None


def register_mails() -> None:
    """Make them known as a kind of background work; when the app starts."""

    async def due(limit: int) -> Sequence[str]:
        return await in_db(_due, limit)

    register_kind(JobKind(name=MAIL_KIND, run=deliver, due=due, concurrency=AT_ONCE))


async def deliver(mail_id: str) -> None:
    """Send one mail if it is due, and note how that went."""
    letter = await in_db(_take, mail_id)
    server = mail_server()
    if letter is None or server is None:
        return
    try:
        # In threads of their own: a slow mail server must not hold those of the database.
        await asyncio.get_running_loop().run_in_executor(_get_threads(), send_letter, server, letter)
    except MailRefused as error:
        await in_db(_give_up, mail_id, str(error))
    except MailNotTaken as error:
        await in_db(_put_off, mail_id, str(error))
    except Exception as error:
        log.exception("mail %s could not be put together", mail_id)
        await in_db(_give_up, mail_id, type(error).__name__)
    else:
        await in_db(_finish, mail_id)


def _due(limit: int) -> list[str]:
    if mail_server() is None:
        return []
    moment = now()
    OutgoingMail.objects.filter(ended_at__lt=moment - REMEMBERED_FOR).delete()
    waiting = OutgoingMail.objects.filter(state=OutgoingMail.State.DUE, next_try_at__lte=moment)
    return list(waiting.order_by("next_try_at").values_list("pk", flat=True)[:limit])


def _take(mail_id: str) -> Letter | None:
    """Claim a mail that is due; None if there is nothing to send."""
    moment = now()
    taken = OutgoingMail.objects.filter(pk=mail_id, state=OutgoingMail.State.DUE, next_try_at__lte=moment).update(
        next_try_at=moment + LEASE, attempts=F("attempts") + 1
    )
    if not taken:
        return None
    mail = OutgoingMail.objects.get(pk=mail_id)
    if mail.expires_at <= moment:
        _give_up(mail_id, mail.problem or "It was not sent in time.")
        return None
    try:
        body = read_body(mail)
    except SecretUnreadable as error:
        _give_up(mail_id, error.detail)
        return None
    domain = settings.MAIL_FROM.rpartition("@")[2].strip("> ")
    local, _, host = mail.to.rpartition("@")
    return Letter(
        message_id=f"<{mail.pk}@{domain}>",
        sender=settings.MAIL_FROM,
        to=f"{local}@{host.encode('idna').decode('ascii')}",
        subject=body["subject"],
        text=body["text"],
        html=body["html"],
    )


def _finish(mail_id: str) -> None:
    OutgoingMail.objects.filter(pk=mail_id).update(state=OutgoingMail.State.SENT, body="", ended_at=now(), problem="")


def _give_up(mail_id: str, problem: str) -> None:
    log.warning("mail %s is given up: %s", mail_id, problem)
    OutgoingMail.objects.filter(pk=mail_id).update(
        state=OutgoingMail.State.GIVEN_UP, body="", ended_at=now(), problem=problem[:300]
    )


def _put_off(mail_id: str, problem: str) -> None:
    mail = OutgoingMail.objects.get(pk=mail_id)
    wait = BACK_OFF[min(mail.attempts, len(BACK_OFF)) - 1]
    log.warning("mail %s was not taken (%s); again in %s s", mail_id, problem, int(wait.total_seconds()))
    OutgoingMail.objects.filter(pk=mail_id).update(next_try_at=now() + wait, problem=problem[:300])


def _get_threads() -> ThreadPoolExecutor:
    global _threads
    if _threads is None:
        _threads = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="mail")
    return _threads
