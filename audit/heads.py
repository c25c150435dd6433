"""Signed heads: where the chains ended at a moment, one line of JSON. Kept outside, they show when an end was cut off.

Signed with Ed25519 keys that are derived from the audit keys, so that whoever keeps them can check them without being able
to make any.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from django.conf import settings

from audit.chain import has_key, moment_text, sealing_key
from audit.models import AuditCut, AuditHead, AuditSeal, AuditTip
from audit.verify import Finding
from core.clock import now

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

FORM = "aap.audit.head.1"


def public_key(key: str) -> str:
    """What checks the signatures made with this key, base64."""
    return base64.b64encode(_signer(key).public_key().public_bytes_raw()).decode()


def signed_head(*, chain: str | None = None, number: int = 0, previous: str = "") -> str:
    """One line: where the chains end now, or that of one workspace. `number` counts those that are exported."""
    tips = AuditTip.objects.order_by("chain")
    if chain is not None:
        tips = tips.filter(pk=chain)
    key = sealing_key()
    head: dict[str, Any] = {
        "form": FORM,
        "number": number,
        "previous": previous,
        "at": moment_text(now()),
        "chains": {tip.chain: {"number": tip.number, "digest": tip.digest} for tip in tips},
        "key": key,
        "public_key": public_key(key),
    }
    signature = _signer(key).sign(_signed_bytes(head))
    return _line({**head, "signature": base64.b64encode(signature).decode()})


def next_head() -> AuditHead | None:
    """Make the head that follows the last one, if any chain went on since. Within the sealer's turn."""
    last = AuditHead.objects.order_by("-number").first()
    line = signed_head(
        number=last.number + 1 if last else 1, previous=sha256(last.line.encode()).hexdigest() if last else ""
    )
    chains = json.loads(line)["chains"]
    if not chains or (last is not None and json.loads(last.line)["chains"] == chains):
        return None
    return AuditHead.objects.create(number=last.number + 1 if last else 1, line=line)


def verify_heads(lines: Iterable[str], *, workspace: str | None = None) -> tuple[int, list[Finding]]:
    """Hold heads from outside, and those in the database, against the chains: how many there were, and what is wrong."""
    found: list[Finding] = []
    count = 0
    outside = [(f"line {number} of the file", line) for number, line in enumerate(lines, 1) if line.strip()]
    inside = [(f"head {row.number} in the database", row.line) for row in AuditHead.objects.order_by("number")]
    for place, line in [*outside, *inside]:
        head = _read(line)
        if head is None:
            found.append(Finding("", 0, "", f"{place} is no head that this installation signed"))
            continue
        count += 1
        for chain, end in head["chains"].items():
            if workspace is None or chain == workspace:
                found += _against(chain, int(end["number"]), str(end["digest"]), place)
    return count, sorted(set(found))


def _against(chain: str, number: int, digest: str, place: str) -> list[Finding]:
    seal = AuditSeal.objects.filter(chain=chain, number=number).first()
    if seal is not None:
        if seal.digest == digest:
            return []
        return [Finding(chain, number, seal.entry_id, f"it is not what {place} says: the chain was written anew")]
    cut = AuditCut.objects.filter(chain=chain, through__gte=number).order_by("through").first()
    if cut is not None and (cut.through != number or cut.digest == digest):
        return []
    last = AuditSeal.objects.filter(chain=chain, number__lt=number).order_by("-number").first()
    through = AuditCut.objects.filter(chain=chain).order_by("-through").values_list("through", flat=True).first()
    start = max(last.number if last else 0, through or 0) + 1
    what = f"entry {start} was" if start == number else f"entries {start} to {number} were"
    return [Finding(chain, start, "", f"{what} removed: {place} knows of them")]


def _read(line: str) -> Mapping[str, Any] | None:
    """The head, if one of our keys signed exactly this."""
    from cryptography.exceptions import InvalidSignature

    try:
        head = json.loads(line)
        signature = base64.b64decode(head.pop("signature"), validate=True)
        if head["form"] != FORM or not has_key(head["key"]):
            return None
        _signer(head["key"]).public_key().verify(signature, _signed_bytes(head))
        return head  # type: ignore[no-any-return]
    except (ValueError, TypeError, KeyError, AttributeError, InvalidSignature):
        return None


def _signer(key: str) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = hmac.new(settings.AUDIT_KEYS[key], b"aap:audit:head", sha256).digest()
    return Ed25519PrivateKey.from_private_bytes(seed)


def _signed_bytes(head: Mapping[str, Any]) -> bytes:
    return _line(head).encode()


def _line(head: Mapping[str, Any]) -> str:
    return json.dumps(head, sort_keys=True, separators=(",", ":"))
