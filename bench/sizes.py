"""U1 and P14: what the browser must fetch for a chat, and what the server installs."""

from __future__ import annotations

import gzip
import re
from importlib import metadata
from pathlib import Path

from bench.table import Figure
from tests.fixtures.product import ROOT

CHAT_PAGE = ROOT / "frontend" / "out" / "chats" / "_" / "index.html"
_SCRIPT = re.compile(r'<script[^>]*\ssrc="([^"]+)"([^>]*)>')
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==", re.MULTILINE)


def page_scripts() -> list[Figure]:
    """The scripts that the chat page's HTML names, compressed as they would be sent. Empty when no client is built."""
    if not CHAT_PAGE.is_file():
        return []
    tags = _SCRIPT.findall(CHAT_PAGE.read_text())
    names = {source.split("?")[0] for source, rest in tags if "nomodule" not in rest.lower()}
    contents = [(ROOT / "frontend" / "out" / name.lstrip("/")).read_bytes() for name in sorted(names)]
    plain = sum(len(content) for content in contents) / 1000
    figures = [
        Figure(
            "U1", "JavaScript named by the chat page, gzip", "kB", 300,
            [sum(len(gzip.compress(content, 6)) for content in contents) / 1000],
            note=f"{len(names)} files, {plain:,.0f} kB as they are; without what is fetched later",
        )
    ]  # fmt: skip
    try:
        import brotli  # type: ignore[import-not-found,import-untyped,unused-ignore]
    except ImportError:
        return figures
    sizes = [len(brotli.compress(content, quality=5)) for content in contents]
    return [*figures, Figure("U1", "the same, brotli", "kB", 300, [sum(sizes) / 1000])]


def installed_packages() -> list[Figure]:
    """Everything that requirements.txt names, as it lies on the disk."""
    names = set(_PIN.findall((ROOT / "requirements.txt").read_text()))
    size, count = 0, 0
    for name in names:
        try:
            files = metadata.files(name) or []
        except metadata.PackageNotFoundError:
            continue
        count += 1
        size += sum(_size(Path(str(one.locate()))) for one in files)
    return [
        Figure("P14", "runtime packages on disk", "MB", 300, [size / 1e6], note="compiled files included"),
        Figure("P14", "how many", "packages", 120, [float(count)]),
    ]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
