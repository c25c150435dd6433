"""A client that follows one run over server-sent events, comes back after every cut, and keeps its own history."""

from __future__ import annotations

import json
import random
import threading
from typing import Any

from platform_site.chaos.client import Client

TERMINAL = ("run.succeeded", "run.failed", "run.cancelled")
#: After how many frames it hangs up by itself, drawn anew for each connection.
FRAMES_UNTIL_DROP = (3, 150)


class Follower(threading.Thread):
    """`events` by number, `texts` as this client put them together; `faults` are broken promises, in words.

    `cuts` counts connections that were taken from it, `drops` those that it gave up itself.
    """

    def __init__(self, client: Client, run: str, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.run_id = run
        self.events: dict[int, dict[str, Any]] = {}
        self.texts: dict[str, str] = {}
        self.faults: list[str] = []
        self.cuts = self.drops = 0
        self.ended = threading.Event()
        self._client, self._chance = client, chance
        self._left = threading.Event()
        self._connected = False

    def stop(self) -> None:
        self._left.set()

    def run(self) -> None:
        while not self._left.is_set() and not self.ended.is_set():
            try:
                self._follow()
            except TimeoutError:  # nothing comes: perhaps this server sleeps, and another knows more
                self._give_up()
            except Exception:  # cut off, or refused while the server starts: come back
                self._client.move()
                self._left.wait(0.05)
            if self._connected and not self.ended.is_set():
                self.cuts += 1
            self._connected = False

    def _follow(self) -> None:
        last = max(self.events, default=0)
        self.texts = {message: text for message, text in self.texts.items() if self._is_done(message)}
        left = self._chance.randint(*FRAMES_UNTIL_DROP)
        headers = {"Last-Event-ID": str(last)} if last else {}
        with self._client.open(f"runs/{self.run_id}/stream/", headers) as answer:
            if answer.status == 204:
                self.ended.set()
                return
            self._connected = True
            for line in answer:
                if line.startswith(b"data: "):
                    self._take(json.loads(line[6:]))
                    left -= 1
                if self._left.is_set() or self.ended.is_set():
                    return
                if not left:
                    break
            else:
                return
        self._give_up()
        self._left.wait(self._chance.uniform(0, 0.5))

    def _give_up(self) -> None:
        self._connected = False
        self.drops += 1
        if self._chance.random() < 0.5:  # as a phone does that changes its network
            self._client.move()

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
            if event["type"] == "message.completed":
                # The rest may come with this event only: a server that catches up reads the journal, which has no pieces.
                sent = self.texts.get(event["message"], "")
                if not event["text"].startswith(sent):
                    self.faults.append(f"{self.run_id}: {sent[-40:]!r} was sent and is not in the text that was kept")
            if event["type"] == "step.restarted":
                for message in event["dropped"]:
                    self.texts.pop(message, None)
            if event["type"] in TERMINAL:
                self.ended.set()
