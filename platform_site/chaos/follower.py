"""A client that follows one run over server-sent events, comes back after every cut, and keeps its own history."""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from typing import Any

from platform_site.chaos.installation import Installation

TERMINAL = ("run.succeeded", "run.failed", "run.cancelled")


class Follower(threading.Thread):
    """`events` by number, `texts` as this client put them together; `faults` are broken promises, in words."""

    def __init__(self, installation: Installation, run: str) -> None:
        super().__init__(daemon=True)
        self.run_id = run
        self.events: dict[int, dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.faults: list[str] = []
        self.cuts = 0
        self.ended = threading.Event()
        self._installation = installation
        self._left = threading.Event()

    def stop(self) -> None:
        self._left.set()

    def run(self) -> None:
        while not self._left.is_set() and not self.ended.is_set():
            try:
                self._follow()
            except Exception:  # cut off, or refused while the server starts: come back
                time.sleep(0.05)

    def _follow(self) -> None:
        request = self._installation.request("GET", f"runs/{self.run_id}/stream/")
        last = max(self.events, default=0)
        if last:
            request.add_header("Last-Event-ID", str(last))
        self.texts = {message: text for message, text in self.texts.items() if self._is_done(message)}
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # our own address
            if answer.status == 204:
                self.ended.set()
                return
            self.cuts += 1  # until it turns out that this was the last connection
            for line in answer:
                if line.startswith(b"data: "):
                    self._take(json.loads(line[6:]))
                if self._left.is_set() or self.ended.is_set():
                    self.cuts -= 1
                    return

    def _is_done(self, message: str) -> bool:
        done = (event for event in self.events.values() if event["type"] == "message.completed")
        return any(event["message"] == message for event in done)

    def _take(self, frame: dict[str, Any]) -> None:
        if frame["type"] == "delta":
            if frame.get("part"):
                return
            have = self.texts.get(frame["message"], "")
            if frame["offset"] > len(have):
                self.faults.append(f"{self.run_id}: a hole in the text before {frame['offset']}")
            overlap = have[frame["offset"] :]
            if not (frame["text"].startswith(overlap) or overlap.startswith(frame["text"])):
                self.faults.append(f"{self.run_id}: other text came a second time")
            self.texts[frame["message"]] = have[: frame["offset"]] + max(frame["text"], overlap, key=len)
        elif frame["type"] == "event":
            seq, event = frame["seq"], frame["event"]
            if seq != max(self.events, default=0) + 1:
                self.faults.append(f"{self.run_id}: event {seq} came after {max(self.events, default=0)}")
            self.events[seq] = event
            if (
                event["type"] == "message.completed"
                and self.texts.get(event["message"], event["text"]) != event["text"]
            ):
                self.faults.append(f"{self.run_id}: the text that was sent is not the text that was kept")
            if event["type"] == "step.restarted":
                for message in event["dropped"]:
                    self.texts.pop(message, None)
            if event["type"] in TERMINAL:
                self.ended.set()
