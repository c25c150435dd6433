"""A secret is known by its type: nothing that prints, logs or stores shows it (G19)."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from typing import Any

import orjson
import pytest

from core.rest.renderer import JsonRenderer
from core.secret import Secret
from core.text_policy import clean_json
from llm_providers.protocol import Access

TEXT = "no-shape-that-a-pattern-would-know 4711"


@pytest.mark.parametrize(
    "shown",
    [
        lambda secret: f"{secret}",
        lambda secret: f"{secret!r:>40}",
        lambda secret: "%s" % secret,  # noqa: UP031
        lambda secret: "{0}".format(secret),  # noqa: UP030, UP032
        lambda secret: str([secret, {"a": secret}]),
        lambda secret: repr(Access(kind="openai", identity="i", base_url="https://a", api_key=secret)),
        lambda secret: JsonRenderer().render({"key": secret}).decode(),
        lambda secret: str(ValueError(secret)),
    ],
)
def test_g19_however_it_is_shown_it_is_not(shown: Any) -> None:
    said = shown(Secret(TEXT))
    assert TEXT not in said
    assert "[secret]" in said


@pytest.mark.parametrize(
    "kept", [pickle.dumps, copy.deepcopy, orjson.dumps, json.dumps, lambda one: clean_json({"a": [one]})]
)
def test_g19_it_is_not_written_down(kept: Any) -> None:
    with pytest.raises(TypeError):
        kept(Secret(TEXT))


def test_two_of_one_text_are_one(request: Any) -> None:
    assert Secret(TEXT) == Secret(TEXT)
    assert Secret(TEXT) != Secret("other")
    assert Secret(TEXT) != TEXT
    assert len({Secret(TEXT), Secret(TEXT)}) == 1
    assert not Secret("")
    assert Secret(TEXT).reveal() == TEXT


def test_g19_logs_mask_by_type_name_and_looks(capfd: pytest.CaptureFixture[str]) -> None:
    from platform_site.logs import configure_logging

    configure_logging("INFO")
    try:
        logging.getLogger("platform.test").info(
            "sent %s with sk-abcdefghijklmnop to %s",
            Secret(TEXT),
            "there",
            extra={
                "api_key": TEXT,
                "nested": {"Client_Secret": TEXT, "deep": [{"password": TEXT}, Secret(TEXT)]},
                "tokens": 17,
                "has_password": True,
            },
        )
        (line,) = [json.loads(one) for one in capfd.readouterr().err.splitlines() if "platform.test" in one]
    finally:
        configure_logging("WARNING")
    said = json.dumps(line)
    assert TEXT not in said
    assert "sk-abcdefghijklmnop" not in said
    assert line["event"] == "sent [secret] with [secret] to there"
    assert (line["tokens"], line["has_password"]) == (17, True)
