"""The shape of production as processes: nginx with TLS, two web servers, two workers, PostgreSQL, Redis. `make prod-test`.

Here is what only the proxy and several processes together can get wrong; the flows and deaths that every shape must
stand are those of tests/crash/test_any_shape.py, which `make prod-test` runs through the same proxy.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import websockets

from tests.fixtures.fleet import Fleet, wait_until
from tests.fixtures.product import Product, Refused
from tests.fixtures.proxy import Proxy
from tests.fixtures.viewer import Viewer, sound, view
from tests.fixtures.watcher import Watcher

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.one_database, pytest.mark.timeout(240)]
ROUNDS = 5 if os.environ.get("FULL") else 1
ORIGIN_REFUSED = 403
#: Of deploy/nginx: so many requests at once from one address, and so many a second.
BURST, RATE = 400, 100


def ask(proxy: Proxy, path: str, **headers: str) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(f"{proxy.door.url}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30, context=proxy.door.trust) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def start(fleet: Fleet, text: str, key: str = "") -> str:
    body = {"agent": fleet.agent, "input": {"text": text}}  # type: ignore[attr-defined]
    headers = {"Idempotency-Key": key} if key else None
    return str(fleet.webs[0].call("POST", "runs/", body, headers)["id"])


def start_surely(fleet: Fleet, text: str, key: str) -> str:
    """As a careful client does it: what failed on the way is sent again under the same key."""
    for _ in range(100):
        try:
            return start(fleet, text, key)
        except (OSError, http.client.HTTPException):
            pass
        except Refused as refused:
            if refused.status < 500:
                raise
        time.sleep(0.1)
    raise AssertionError("nobody took the run")


def test_nginx_takes_the_configuration_without_a_warning(proxy: Proxy) -> None:
    said = proxy.check()
    assert "test is successful" in said and "warn" not in said, said


def test_plain_http_is_sent_to_tls(proxy: Proxy) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", proxy.http_port, timeout=10)
    plain.request("GET", "/agents/?page=2", headers={"Host": "localhost"})
    answer = plain.getresponse()
    assert (answer.status, answer.headers["Location"]) == (308, "https://localhost/agents/?page=2")


def test_what_came_over_tls_is_told_to_keep_to_it(proxy: Proxy) -> None:
    status, headers, _ = ask(proxy, "/healthz")
    assert status == 200 and "max-age=31536000" in headers["Strict-Transport-Security"]
    assert "nginx/" not in headers["Server"]


def test_what_is_for_prometheus_and_probes_is_not_for_everybody(proxy: Proxy) -> None:
    for path in ("/metrics", "/readyz"):
        assert ask(proxy, path, Authorization="Bearer for-the-tests-only")[0] == 404


def test_the_address_that_counts_is_the_callers_own(proxy: Proxy, web: Product) -> None:
    """A caller's own X-Forwarded headers are replaced, not passed on."""
    wrong = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.test"}
    web.call("PATCH", "", {"name": "Renamed"}, wrong)
    (newest, *_) = web.call("GET", "audit/?kind=workspace.update")["results"]
    assert newest["ip"] == "127.0.0.1"
    assert "Strict-Transport-Security" in ask(proxy, "/healthz", **wrong)[1]


def test_one_id_is_in_the_answer_the_proxys_line_and_the_products(proxy: Proxy, fleet: Fleet, web: Product) -> None:
    headers = {"Authorization": f"Bearer {web.token}", "X-Request-ID": "looked-for-0001"}
    path = f"{web.space}runs/"
    status, answered, _ = ask(proxy, f"{path}?limit=37", **headers)
    assert (status, answered["X-Request-ID"]) == (200, "looked-for-0001")

    def lines(path: Path) -> list[dict[str, Any]]:
        found = [line for line in path.read_text(errors="replace").splitlines() if "looked-for-0001" in line]
        return [json.loads(line) for line in found]

    (line,) = wait_until(lambda: lines(proxy.log), "the proxy did not log it")
    assert (line["path"], line["status"]) == (path, 200)
    assert "limit=37" not in proxy.log.read_text(), "a query may hold what is not for logs"
    products = [line for one in fleet.webs for line in lines(one.log)]
    assert [line["path"] for line in products] == [path]


def test_a_socket_opens_for_our_own_pages_only(proxy: Proxy, web: Product) -> None:
    async def look(origin: str) -> int:
        try:
            async with websockets.connect(web.socket_address, ssl=proxy.door.trust, origin=origin) as socket:  # type: ignore[arg-type]
                await socket.send(json.dumps({"type": "authenticate", "token": web.token}))
                return 101 if json.loads(await socket.recv())["type"] != "error" else 0
        except websockets.InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(look(proxy.door.url)) == 101
    for foreign in ("https://evil.test", f"http://localhost:{proxy.port}", "https://localhost"):
        assert asyncio.run(look(foreign)) == ORIGIN_REFUSED, foreign


def test_words_come_as_they_are_written(proxy: Proxy, fleet: Fleet, web: Product) -> None:
    """Neither the socket's nor those of a stream of events are gathered on the way."""
    run = start(fleet, "Slowly [[tokens:60 gap:50]]")
    viewer = Viewer(web, run).start()
    request = urllib.request.Request(
        f"{proxy.door.url}{web.space}runs/{run}/stream/", headers={"Authorization": f"Bearer {web.token}"}
    )
    came = []
    with urllib.request.urlopen(request, timeout=60, context=proxy.door.trust) as answer:
        for line in answer:
            if line.startswith(b'data: {"type":"delta"'):
                came.append(time.monotonic())
    viewer.finish()
    for times in (came, viewer.frames):
        assert len(times) > 20 and times[-1] - times[0] > 1.5, "they came in lumps"


def test_a_body_that_is_too_large_is_refused_in_words(proxy: Proxy, web: Product) -> None:
    for size in (2_200_000, 4_000_000):  # the product's own limit, and the proxy's
        with pytest.raises(Refused) as refused:
            web.call("POST", "agents/", {"name": "x" * size})
        assert (refused.value.status, refused.value.body["code"]) == (413, "too_large"), size


def test_a_flood_from_one_address_is_braked_and_ends(proxy: Proxy) -> None:
    def knock(_: int) -> list[tuple[int, str]]:
        """On one kept connection: a handshake each would be slower than what is let in."""
        host, port = proxy.door.url.removeprefix("https://").split(":")
        heard = []
        with closing(http.client.HTTPSConnection(host, int(port), timeout=30, context=proxy.door.trust)) as kept:
            for _ in range(75):
                kept.request("GET", "/healthz")
                answer = kept.getresponse()
                answer.read()
                heard.append((answer.status, answer.headers.get("Retry-After", "")))
        return heard

    with ThreadPoolExecutor(20) as pool:
        answers = [answer for heard in pool.map(knock, range(20)) for answer in heard]
    assert {status for status, _ in answers} == {200, 429}, "all were let in, or none, or it broke"
    assert all(after for status, after in answers if status == 429)
    wait_until(lambda: ask(proxy, "/healthz")[0] == 200, "the flood was over, and nobody was let in")
    time.sleep(BURST / RATE)  # nginx forgets so many a second, and the next test comes from the same address


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_incident_3_27_every_process_is_rolled_under_load(fleet: Fleet, web: Product, round_: int) -> None:
    """0 failed runs, 0 lost words, and people at the door notice nothing."""
    runs: list[str] = []
    over, answers = threading.Event(), []

    def somebody_clicks() -> None:
        while not over.is_set():
            try:
                web.call("GET", "runs/?limit=1")
                answers.append(200)
            except Refused as refused:
                answers.append(refused.status)
            time.sleep(0.02)

    async def roll() -> list[Viewer]:
        watching = []
        for part in (*fleet.workers, *fleet.webs):
            for number in range(4):
                key = f"roll-{round_}-{len(runs)}-{number}"
                run = await asyncio.to_thread(start_surely, fleet, f"Roll {number} [[tokens:60 gap:50]]", key)
                runs.append(run)
                watching.append(asyncio.ensure_future(view(web, run)))
            await asyncio.to_thread(part.stop)
            assert part.process is not None and part.process.returncode == 0
            await asyncio.to_thread(part.start)
        return await asyncio.gather(*watching)

    clicking = threading.Thread(target=somebody_clicks, daemon=True)
    clicking.start()
    try:
        viewers = asyncio.run(roll())
    finally:
        over.set()
        clicking.join(60)
    for viewer, run in zip(viewers, runs, strict=True):
        assert viewer.events == sound(web, run) and viewer.events[-1]["type"] == "run.succeeded"
    assert len(answers) > 100 and set(answers) == {200}, {status: answers.count(status) for status in set(answers)}


@pytest.mark.parametrize("round_", range(ROUNDS))
def test_each_process_is_killed_in_turn(fleet: Fleet, web: Product, round_: int) -> None:
    """Whatever dies, each run ends right, and whoever watches through the proxy has all of it once."""
    parts = [*fleet.workers, *fleet.webs]
    for number, part in enumerate(parts):
        runs = [
            start_surely(fleet, f"Kill {one} [[tokens:60 gap:40]]", f"kill-{round_}-{number}-{one}") for one in range(3)
        ]
        viewers = [Viewer(web, run).start() for run in runs]
        for viewer in viewers:
            viewer.wait_for_text()
        part.kill()
        for run, viewer in zip(runs, viewers, strict=True):
            events = viewer.finish(90)
            assert events == sound(web, run) and events[-1]["type"] == "run.succeeded"
        part.start()
    fleet.redis.stop()
    run = start_surely(fleet, "Without Redis [[tokens:30 gap:20]]", f"redis-{round_}")
    assert web.wait_for_end(run)["status"] == "succeeded"
    fleet.redis.start()
    wait_until(lambda: fleet.redis.listeners() == 4, "not all processes came back to Redis")


def test_a_workers_lines_name_the_run_and_whose_it_is(fleet: Fleet, web: Product) -> None:
    """From the door to the worker one id: whoever looks for it finds what was done elsewhere."""
    body = {"agent": fleet.agent, "input": {"text": "[[fail:500]]"}}  # type: ignore[attr-defined]
    run = web.call("POST", "runs/", body, {"X-Request-ID": "looked-for-0002"})
    assert web.wait_for_end(run["id"])["status"] == "failed"
    said = "".join(worker.said() for worker in fleet.workers)
    lines = [json.loads(line) for line in said.splitlines() if "looked-for-0002" in line]
    assert lines, "the worker logged nothing of it"
    me = web.call("GET", "/api/v1/me/")
    for line in lines:
        assert (line["run"], line["user"]) == (run["id"], me["id"])
        assert line["workspace"] == me["workspaces"][0]["id"]


def test_prometheus_sees_each_process_and_the_rules_see_a_death(fleet: Fleet, web: Product, tmp_path: Path) -> None:
    ports = [int(worker.environment["AAP_METRICS_PORT"]) for worker in fleet.workers]
    watcher = Watcher(
        tmp_path / "prometheus", webs=[one.port for one in fleet.webs], workers=ports, token="for-the-tests-only"
    ).start()
    try:
        wait_until(lambda: watcher.ask('sum(up{job=~"web|worker"})') == {"": 4.0}, "not all four are seen", 30)
        before = watcher.ask("sum(aap_runs_ended_total)")[""]
        for _ in range(3):
            web.wait_for_end(start(fleet, "Counted [[tokens:5 gap:0]]"))
        wait_until(
            lambda: watcher.ask("sum(aap_runs_ended_total)")[""] == before + 3,
            "the runs were not counted once each",
            30,
        )
        assert watcher.ask("max(aap_queue_age_seconds)") == {"": 0.0}
        assert not watcher.alerts() & {"ProcessDown", "NoWorker", "PlatformDown", "RunsWait"}
        fleet.workers[0].kill()
        wait_until(lambda: "ProcessDown" in watcher.alerts(), "nobody saw the death", 30)
        assert "NoWorker" not in watcher.alerts()
        fleet.workers[0].start()
        wait_until(lambda: "ProcessDown" not in watcher.alerts(), "nobody saw it come back", 30)
    finally:
        watcher.stop()
