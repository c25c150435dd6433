"""allauth's account app as far as its second factors need it: its tables, and nothing that listens to requests."""

from __future__ import annotations

from allauth.account.apps import AccountConfig


class AccountTables(AccountConfig):
    def ready(self) -> None:
        """Not the parent's, which asks for allauth's middleware: it serves pages that we do not have."""
