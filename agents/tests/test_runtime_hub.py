"""The hub: merged text for the slow, shared frames for those in step, bounded memory, nothing out of place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from agents.runtime import hub as hub_module
from agents.runtime.frames import event_frame
from agents.runtime.hub import Channel, Hub, Published, Watch
from agents.runtime.lookout import learn
from agents.runtime.reading import OpenText, RunLook
from core.clock import now


class Idle:
    """A watcher that counts how often it is woken."""

    def __init__(self) -> None:
        self.woken = 0

    def wake_now(self, watch: Watch) -> None:
        self.wake(watch)

    def wake(self, watch: Watch) -> None:
        self.woken += 1


def event(seq: int, kind: str, **fields: Any) -> Published:
    body = json.dumps({"type": kind, **fields})
    dropped = tuple(fields.get("dropped", ()))
    return Published(seq, kind, event_frame("run_1", seq, now(), body), fields.get("message"), dropped)


def opened(last_seq: int = 2) -> tuple[Hub, Channel]:
    hub = Hub()
    channel = hub.channel("run_1")
    channel.adopt(last_seq, held=True)
    channel.publish([event(last_seq + 1, "message.started", message="msg_a")])
    return hub, channel


def take(watch: Watch) -> list[dict[str, Any]]:
    watch.dirty = False
    return [json.loads(frame) for frame in watch.take()]


def test_incident_3_7_a_slow_watcher_gets_merged_text_and_one_wake() -> None:
    hub, channel = opened()
    idle = Idle()
    watch = hub.watch("run_1", idle, after_seq=2)
    assert [frame["type"] for frame in take(watch)] == ["event", "caught_up"]
    for _ in range(1000):
        channel.emit("msg_a", "text", "ab")
    assert idle.woken == 1
    (frame,) = take(watch)
    assert frame["offset"] == 0 and frame["text"] == "ab" * 1000


def test_watchers_in_step_share_one_string() -> None:
    hub, channel = opened()
    watches = [hub.watch("run_1", Idle(), after_seq=2) for _ in range(3)]
    for watch in watches:
        watch.take()
    channel.emit("msg_a", "text", "héllo 🙂")
    frames = [watch.take()[0] for watch in watches]
    assert frames[0] is frames[1] is frames[2]
    channel.emit("msg_a", "text", "!")
    assert json.loads(watches[0].take()[0])["offset"] == len("héllo 🙂"), "offsets count code points"


def test_the_rest_of_the_text_comes_before_the_end_and_nothing_after_it() -> None:
    hub, channel = opened()
    watch = hub.watch("run_1", Idle(), after_seq=2)
    take(watch)
    channel.emit("msg_a", "reasoning", "hm")
    channel.emit("msg_a", "text", "one")
    take(watch)
    channel.emit("msg_a", "text", " two")
    channel.publish([event(4, "message.completed", message="msg_a"), event(5, "run.succeeded")])
    channel.emit("msg_a", "text", "late")
    frames = take(watch)
    assert [frame.get("text", frame.get("seq")) for frame in frames] == [" two", 4, 5] and watch.ended


def test_a_whole_message_between_two_looks_is_still_sent_as_frames() -> None:
    hub, channel = opened()
    watch = hub.watch("run_1", Idle(), after_seq=3)
    take(watch)
    channel.publish([event(4, "message.completed", message="msg_a"), event(5, "message.started", message="msg_b")])
    channel.emit("msg_b", "text", "quick")
    channel.publish([event(6, "message.completed", message="msg_b")])
    assert [frame.get("text", frame.get("seq")) for frame in take(watch)] == [4, 5, "quick", 6]


def test_replayed_messages_come_without_frames_and_open_ones_from_the_start() -> None:
    hub, channel = opened()
    channel.emit("msg_a", "text", "old")
    channel.publish([event(4, "message.completed", message="msg_a"), event(5, "message.started", message="msg_b")])
    channel.emit("msg_b", "text", "new")
    frames = take(hub.watch("run_1", Idle(), after_seq=2))
    assert [frame.get("text", frame.get("seq")) for frame in frames] == [3, 4, 5, "new", 5]
    assert frames[-1]["type"] == "caught_up"


def test_text_goes_on_at_the_offset_that_was_named() -> None:
    hub, channel = opened()
    channel.emit("msg_a", "text", "0123456789")
    for offset, expected in ((4, "456789"), (10, None), (99, "0123456789"), (0, "0123456789")):
        frames = take(hub.watch("run_1", Idle(), after_seq=3, resume=("msg_a", offset)))
        assert [frame["text"] for frame in frames if frame["type"] == "delta"] == ([expected] if expected else [])
    other = take(hub.watch("run_1", Idle(), after_seq=3, resume=("msg_zzz", 4)))
    assert [frame["offset"] for frame in other if frame["type"] == "delta"] == [0]


def test_dropped_text_is_never_sent_again() -> None:
    hub, channel = opened()
    watch = hub.watch("run_1", Idle(), after_seq=2)
    take(watch)
    channel.emit("msg_a", "text", "half")
    channel.publish([event(4, "step.restarted", dropped=["msg_a"]), event(5, "message.started", message="msg_b")])
    channel.emit("msg_a", "text", "ghost")
    channel.emit("msg_b", "text", "whole")
    assert [frame.get("text", frame.get("seq")) for frame in take(watch)] == [4, 5, "whole"]


def test_incident_3_7_the_ring_is_bounded_and_the_journal_fills_in() -> None:
    hub, channel = opened()
    watch = hub.watch("run_1", Idle(), after_seq=2)
    events = [event(seq, "tool.progress", call="c") for seq in range(4, 3000)]
    for one in events:
        channel.publish([one])
    assert len(channel._entries) <= hub_module.RING_FRAMES and watch.behind_ring and watch.take() == []
    replayed = watch.replay([event(3, "message.started", message="msg_a"), *events])
    assert len(replayed) == 2997 and not watch.behind_ring
    assert watch.cursor == channel.last_seq
    big = event(3000, "tool.completed", call="c", result="x" * 3_000_000)
    channel.publish([big, event(3001, "tool.progress", call="c")])
    assert len(channel._entries) <= 2


def test_looking_up_what_is_known_wakes_nobody() -> None:
    """A thousand who come back to a run each make it be looked up; that must not be a million wake-ups."""
    hub, channel = opened()
    idle = Idle()
    watch = hub.watch("run_1", idle, after_seq=2)
    channel.learn_text("msg_a", 3, "half", "")
    take(watch)
    channel.learn_text("msg_a", 3, "half", "")
    assert idle.woken == 1
    channel.learn_text("msg_a", 3, "half of it", "")
    assert idle.woken == 2 and take(watch)[0]["text"] == " of it"


@pytest.mark.parametrize(
    "newer",
    [
        event(3, "step.restarted", dropped=["msg_a"]),
        event(3, "message.completed", message="msg_a"),
        event(3, "run.cancelled"),
    ],
    ids=lambda newer: newer.type,
)
def test_a_look_that_is_older_than_what_came_meanwhile_brings_nothing_back(newer: Published) -> None:
    """Another process carries the run on. The database was asked, and before its answer the news was here."""
    hub = Hub()
    channel = hub.channel("run_1")
    watch = hub.watch("run_1", Idle(), after_seq=2)
    look = RunLook("run_1", 2, False, (OpenText("msg_a", 2, "Once upon", "Hm"),))
    learn(channel, look)
    assert [frame.get("text") for frame in take(watch)] == ["Hm", "Once upon", None]
    channel.publish([newer])
    kinds = [frame["type"] for frame in take(watch)]
    learn(channel, RunLook("run_1", 2, False, (OpenText("msg_a", 2, "Once upon a time", "Hm"),)))
    late = [frame["type"] for frame in take(watch)]
    assert (kinds, late) == (["event"], []), "text after its end"
    assert channel.ended == (newer.type == "run.cancelled")


def test_incident_3_11_channels_go_when_nobody_needs_them() -> None:
    hub, _ = opened()
    watch = hub.watch("run_1", Idle(), after_seq=0)
    hub.leave(watch)
    assert "run_1" in hub.channels, "it is still carried on here"
    hub.release("run_1")
    assert hub.channels == {}
