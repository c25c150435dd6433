"""Wrong settings for mail stop the start, and say nothing secret."""

from __future__ import annotations

import pytest

from platform_site.env import BadEnvironment, parse_mail_url


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.com", "smtp://", "smtp://h:99999", "smtp://h?tls=maybe", "smtps://h?tls=off",
        "smtp://h?nonsense=1", "smtp://user:secret@mail.example.com?tls=off", "smtp://h?ca=/nowhere/ca.pem",
    ],
)  # fmt: skip
def test_a_wrong_address_of_a_mail_server_stops_the_start(url: str) -> None:
    with pytest.raises(BadEnvironment) as refused:
        parse_mail_url(url)
    assert "secret" not in str(refused.value)
