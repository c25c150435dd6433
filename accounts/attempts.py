"""Wrong passwords, codes and links are counted, so that guessing is slow. The one place where every way in is braked.

Counted for a name and an address together, so that nobody can lock the true owner out from elsewhere, and for an address
alone, so that trying one password on many names is slow too. One is taken before anything is checked, and given back when
it was right: those who come at the same moment are counted as well. Call it outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from limits.admission import admit, give_back, place
from limits.rules import GUESS_ADDRESS, GUESS_NAME, Rule


class Attempt:
    """One try. Whatever does not say that it was right counts as wrong."""

    def __init__(self, taken: list[tuple[Rule, str]]) -> None:
        self._taken = taken

    def was_right(self) -> None:
        while self._taken:
            give_back(*self._taken.pop())


@contextmanager
def attempt(*, name: str, ip: str | None) -> Iterator[Attempt]:
    """Around what may be guessed: TooManyRequests when too much was wrong in the last minutes, before any is checked.

    `name` is what is guessed at: an e-mail address, a person's factors; "" for what has no name (the secret of a link).
    """
    where = place(ip)
    taken = [(GUESS_ADDRESS, where)]
    admit(*taken)
    if name:
        digest = sha256(name.encode("utf-8", "replace")).hexdigest()[:32]
        one = GUESS_NAME, f"{where}:{digest}"
        admit(one)
        taken.append(one)
    yield Attempt(taken)
