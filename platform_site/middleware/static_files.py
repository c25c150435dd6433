"""Static files from memory-mapped folders: Django's own under /static/, the web client's hashed ones under /_next/."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):
    """WhiteNoise, plus the client's build. The client's pages themselves come from platform_site.client_pages."""

    files: dict[str, Any]
    #: By folder and prefix. They are looked through once in a process, however many handlers it makes: 20 ms each.
    _found: ClassVar[dict[tuple[str, str], dict[str, Any]]] = {}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        super().__init__(get_response, settings)
        assets = settings.CLIENT_BUILD / "_next"
        if assets.is_dir():
            self.add_files(str(assets), prefix="/_next/")

    def update_files_dictionary(self, root: str, prefix: str) -> None:
        found = self._found.get((root, prefix))
        if found is None:
            before = self.files
            self.files = {}
            super().update_files_dictionary(root, prefix)
            found = self._found[root, prefix] = self.files
            self.files = before
        self.files.update(found)

    def immutable_file_test(self, path: str, url: str) -> bool:
        return url.startswith("/_next/static/")
