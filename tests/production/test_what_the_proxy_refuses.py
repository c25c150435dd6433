"""What never reaches the product is refused by nginx in the product's own words: a problem, an id, the same headers.

The flow tests go through the same configuration (tests/through_nginx.py); here is what no client library would send.
"""

from __future__ import annotations

import json
import socket
from email import message_from_bytes
from email.message import Message

import pytest

from tests.fixtures.fleet import Fleet, wait_until
from tests.fixtures.product import Product
from tests.fixtures.proxy import Proxy
from tests.production.test_behind_the_proxy import ask

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.one_database, pytest.mark.timeout(240)]
HOST = b"Host: localhost\r\n"
GET = b"GET /api/v1/me/ HTTP/1.1\r\n" + HOST
POST = b"POST /api/v1/setup/ HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
CHUNK = b"10000\r\n" + b"a" * 65536 + b"\r\n"
LONG = b"".join(b"X-%d: %s\r\n" % (number, b"a" * 14_000) for number in range(5))
REFUSED: dict[str, tuple[bytes, int, str]] = {
    "no HTTP": (b"NONSENSE\r\n\r\n", 400, "malformed"),
    "another version": (b"GET / HTTP/3.0\r\n" + HOST + b"\r\n", 400, "malformed"),
    "no host": (b"GET /api/v1/me/ HTTP/1.1\r\n\r\n", 400, "malformed"),
    "two hosts": (GET + b"Host: evil.test\r\n\r\n", 400, "malformed"),
    "a host that is none": (b"GET /api/v1/me/ HTTP/1.1\r\nHost: a b\r\n\r\n", 400, "malformed"),
    "a name with a space": (GET + b"X A: b\r\n\r\n", 400, "malformed"),
    "a null character": (GET + b"X-A: a\x00b\r\n\r\n", 400, "malformed"),
    "a null character in the path": (b"GET /api/v1/%00 HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a path that is none": (b"GET /api/v1/%zz HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a path out of the root": (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "a method in small letters": (b"get /api/v1/me/ HTTP/1.1\r\n" + HOST + b"\r\n", 400, "malformed"),
    "TRACE": (b"TRACE /api/v1/me/ HTTP/1.1\r\n" + HOST + b"\r\n", 405, "method_not_allowed"),
    "an address of 60,000": (b"GET /api/" + b"a" * 60_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414, "too_large"),
    "a header of 20,000": (GET + b"X-A: " + b"a" * 20_000 + b"\r\n\r\n", 431, "too_large"),
    "headers of 70,000": (GET + LONG + b"\r\n", 431, "too_large"),
    "a length that is no number": (POST + b"Content-Length: ]\r\n\r\n", 400, "malformed"),
    "a negative length": (POST + b"Content-Length: -4\r\n\r\n", 400, "malformed"),
    "two lengths": (POST + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde", 400, "malformed"),
    "a length and chunks": (
        POST + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "malformed"
    ),
    "chunks that are none": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n", 400, "malformed"),
    "another encoding": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400, "malformed"),
    "a length past 2 MiB": (POST + b"Content-Length: 2097153\r\n\r\n", 413, "too_large"),
    "chunks past 2 MiB": (POST + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNK * 34, 413, "too_large"),
    "metrics": (b"GET /%6detrics HTTP/1.1\r\n" + HOST + b"\r\n", 404, "not_found"),
    "what is the proxy's own": (b"GET /_proxy/problem HTTP/1.1\r\n" + HOST + b"\r\n", 404, "not_found"),
}  # fmt: skip


def talk(proxy: Proxy, request: bytes, *, tls: bool = True) -> tuple[int, Message, bytes]:
    """(status, headers, body) of what comes back, once it is there whole."""
    found = b""
    plain = socket.create_connection(("127.0.0.1", proxy.port), timeout=20)
    with proxy.door.trust.wrap_socket(plain, server_hostname="localhost") if tls else plain as connection:
        try:
            connection.sendall(request)
        except OSError:
            pass  # it answered before it had heard all of it
        while True:
            head, _, body = found.partition(b"\r\n\r\n")
            line, _, rest = head.partition(b"\r\n")
            headers = message_from_bytes(rest)
            if body and len(body) >= int(headers.get("Content-Length", 0)):
                assert body.count(b"HTTP/1.1") == 0, "nothing was taken for a second request"
                return int(line.split()[1]), headers, body
            piece = connection.recv(65536)
            assert piece, found
            found += piece


@pytest.mark.parametrize(("request_", "status", "code"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_proxy_refuses_is_a_problem(proxy: Proxy, request_: bytes, status: int, code: str) -> None:
    answered, headers, body = talk(proxy, request_)
    problem = json.loads(body)
    assert (answered, problem["status"], problem["code"]) == (status, status, code)
    assert headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == f"/api/docs/errors/#{code}" and problem["title"] and problem["detail"]
    assert problem["request_id"] == headers["X-Request-ID"] and problem["request_id"].startswith("req_")
    assert headers["Cache-Control"] == "no-store" and "max-age=31536000" in headers["Strict-Transport-Security"]
    assert headers["X-Content-Type-Options"] == "nosniff" and "default-src 'none'" in headers["Content-Security-Policy"]
    assert ("Allow" in headers) == (status == 405) and "Retry-After" not in headers


def test_who_speaks_no_tls_is_told(proxy: Proxy) -> None:
    status, _, body = talk(proxy, GET + b"\r\n", tls=False)
    assert (status, json.loads(body)["code"]) == (400, "malformed")


@pytest.mark.parametrize("given", ["", "short", "with space inside", "x" * 129, "<script>alert(1)</script>"])
def test_an_id_that_is_none_is_replaced_by_one_of_the_products_kind(proxy: Proxy, given: str) -> None:
    for path in ("/healthz", "/metrics"):
        _, headers, _ = ask(proxy, path, **({"X-Request-ID": given} if given else {}))
        assert headers["X-Request-ID"].startswith("req_") and headers["X-Request-ID"] != given
    for path in ("/healthz", "/metrics"):
        assert ask(proxy, path, **{"X-Request-ID": "given-by-a-client"})[1]["X-Request-ID"] == "given-by-a-client"


def test_when_nobody_is_there_people_get_a_page_and_programs_a_problem(
    proxy: Proxy, fleet: Fleet, web: Product
) -> None:
    for one in fleet.webs:
        one.stop()
    try:
        status, headers, body = ask(proxy, "/api/v1/me/")
        problem = json.loads(body)
        assert (status, problem["code"], problem["status"], headers["Retry-After"]) == (503, "unavailable", 503, "5")
        assert problem["request_id"] == headers["X-Request-ID"]
        status, headers, body = ask(proxy, "/agents/", Accept="text/html,*/*")
        assert (status, headers["Content-Type"], headers["Retry-After"]) == (503, "text/html; charset=utf-8", "5")
        assert b"Back in a moment" in body and "style-src 'unsafe-inline'" in headers["Content-Security-Policy"]
    finally:
        for one in fleet.webs:
            one.start()
    wait_until(lambda: ask(proxy, "/healthz")[0] == 200, "nobody came back")
