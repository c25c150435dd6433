"""The door at which pages tell that they broke: open to anybody, so there is room for shapes only, and not for many."""

from __future__ import annotations

from typing import Any

import pytest

from core.ids import new_id
from tests.fixtures.doors import Client
from tests.fixtures.people import Api

PATH = "/api/v1/page-errors/"
FILE = "/_next/static/chunks/0a~1-b.js"
FRAME = {"file": FILE, "function": "r.show", "line": 1, "column": 20}
BODY = {
    "error": "TypeError",
    "code": "react_31",
    "how": "screen",
    "page": "/runs/run_x/",
    "run": None,
    "failed_request": None,
    "frames": [FRAME],
}


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [
        record.msg
        for record in caplog.records
        if isinstance(record.msg, dict) and record.msg["event"] == "a page broke"
    ]


def test_one_line_of_the_log_has_it_all(nobody: Api, caplog: pytest.LogCaptureFixture) -> None:
    run = new_id("run")
    told = {**BODY, "run": run, "failed_request": "req_of-before"}
    assert nobody.post(PATH, told, X_Request_ID="page_0123456789abcdef").status_code == 204
    (line,) = lines(caplog)
    expected = {
        "page": "/runs/_/",
        "run": run,
        "request_id": "page_0123456789abcdef",
        "failed_request": "req_of-before",
        "where": [f"{FILE}:1:20 r.show"],
        "error": "TypeError",
        "code": "react_31",
    }
    assert line | expected == line


@pytest.mark.parametrize(
    ("page", "route"),
    [
        ("/", "/"),
        ("/chats/Anna-Smith/", "/chats/_/"),
        ("/chats/Anna-Smith", "/chats/_/"),
        ("/Anna-Smith/", "/404/"),
        ("/" + 199 * "a", "/404/"),
        ("//evil.test/", "/404/"),
        ("/../../etc/passwd", "/404/"),
        ("/settings/members/", "/settings/members/"),
    ],
)
def test_the_page_is_kept_as_its_route(nobody: Api, caplog: pytest.LogCaptureFixture, page: str, route: str) -> None:
    assert nobody.post(PATH, {**BODY, "page": page}).status_code == 204
    assert lines(caplog)[0]["page"] == route


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("error", "Her salary is 71234"),
        ("error", "TypeError\nforged"),
        ("error", 7),
        ("code", "Her salary"),
        ("code", None),
        ("how", "loudly"),
        ("page", "/invitation/#token=secret"),
        ("page", "/sign-in/?next=/x"),
        ("page", "https://evil.test/"),
        ("page", "/" + 300 * "a"),
        ("run", "run_of-mine"),
        ("run", "agt_" + 26 * "0"),
        ("failed_request", "two words"),
        ("failed_request", 200 * "r"),
        ("frames", [{**FRAME, "file": "https://evil.test/x.js"}]),
        ("frames", [{**FRAME, "file": "/_next/static/x y.js"}]),
        ("frames", [{**FRAME, "file": "/invitation/"}]),
        ("frames", [{**FRAME, "function": "Anna Smith"}]),
        ("frames", [{**FRAME, "line": -1}]),
        ("frames", [{**FRAME, "column": 10**12}]),
        ("frames", [{**FRAME, "vars": {"name": "Anna"}}]),
        ("frames", 51 * [FRAME]),
        ("frames", "at show"),
        ("message", "Her salary is 71234"),
        ("url", "https://here.test/#token=secret"),
    ],
)
def test_there_is_no_room_for_words(nobody: Api, caplog: pytest.LogCaptureFixture, field: str, value: Any) -> None:
    assert nobody.post(PATH, {**BODY, field: value}).status_code == 400
    assert not lines(caplog)


@pytest.mark.parametrize("body", [None, [], "text", {}, {"frames": [FRAME]}])
def test_half_a_report_is_none(nobody: Api, caplog: pytest.LogCaptureFixture, body: Any) -> None:
    answer = nobody.call("POST", PATH, body)
    assert answer.status_code == 400 and not lines(caplog)


def test_one_address_tells_of_so_many(db: None, nobody: Api, caplog: pytest.LogCaptureFixture, settings: Any) -> None:
    settings.RATE_LIMITS = "1"
    answers = [nobody.post(PATH, BODY).status_code for _ in range(25)]
    assert answers.count(204) in (20, 21) and set(answers) == {204, 429}
    assert len(lines(caplog)) == answers.count(204)


def test_a_name_longer_than_a_file_may_have_is_no_page(db: None) -> None:
    for name in ("a" * 300, "ä" * 200):
        for path in (f"/{name}", f"/{name}/", f"/agents/{name}/x.txt"):
            assert Client(raise_request_exception=False).get(path).status_code == 404, path[:20]


def test_pages_talk_to_this_server_alone(db: None, settings: Any) -> None:
    """Also where error reports go elsewhere: from the server."""
    settings.SENTRY_DSN = "https://public@sentry.test/1"
    policy = Client().get("/")["Content-Security-Policy"]
    (connect,) = [part.split() for part in policy.split(";") if part.split()[:1] == ["connect-src"]]
    assert connect == ["connect-src", "'self'", "ws://testserver", "wss://testserver"]
    assert "sentry" not in policy
