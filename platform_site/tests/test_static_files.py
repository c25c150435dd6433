"""A server that is started on a folder of its own (README, Several processes) shows the operator admin with its styles."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.fixtures.product import Product

pytestmark = [pytest.mark.slow, pytest.mark.one_database, pytest.mark.timeout(120)]


def status(product: Product, path: str) -> int:
    try:
        with urllib.request.urlopen(f"{product.url}{path}", timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("made_by", "expected"),
    [
        (None, 200),
        ("0.0.1", 200),
        *(pytest.param(*one, marks=pytest.mark.full) for one in (("", 200), ("nobody", 404))),
    ],
)
def test_the_admins_files_are_there(made_by: str | None, expected: int, tmp_path: Path) -> None:
    """In a new folder, in one that was cut off or is of another version; what somebody else filled stays theirs."""
    folder = tmp_path / "static"
    if made_by is not None:
        folder.mkdir()
        if made_by != "nobody":
            (folder / ".made-by-serve").write_text(made_by)
    product = Product(tmp_path / "data", environment={"AAP_STATIC_ROOT": str(folder)})
    try:
        product.start()
        assert status(product, "/static/operator_admin.css") == expected
        assert status(product, "/static/unfold/css/styles.css") == expected
        assert "No directory at" not in product.log.read_text()
    finally:
        product.stop()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    product = Product(tmp_path / "data", environment={"AAP_STATIC_ROOT": str(tmp_path / "file" / "static")})
    try:
        with pytest.raises(RuntimeError, match="Name another folder in AAP_STATIC_ROOT"):
            product.start()
    finally:
        product.stop()
    assert "Traceback" not in product.log.read_text()
