"""What our own source must not do; each check names the requirement of ASVS 5.0.0 that it stands for."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.test_modules import CLIENT, MODULES, ROOT

#: Chance where nobody gains by foreseeing it: pauses between tries, and what `manage.py chaos` breaks next.
BY_CHANCE = ("llm_providers/gateway.py", "platform_site/chaos/")
XML = {"xml", "lxml", "defusedxml", "xmlsec"}
#: The name of the one script that the client's pages hold in themselves: a constant, its hash stands in the policy.
INLINE = "src/app/layout.tsx"


#: A service elsewhere takes the question in no other form, and nothing is protected by it.
ASKED_BY_SHA1 = {"accounts/breached.py"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imports(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {one.name.split(".")[0] for one in node.names}
        if isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_asvs_1_2_5_11_4_1_11_5_1_no_shell_no_broken_digest_no_guessable_chance(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called == "hashlib.sha1" and name_of(path) in ASKED_BY_SHA1:
                assert any(word.arg == "usedforsecurity" for word in node.keywords)
                continue
            assert called not in ("os.system", "os.popen", "hashlib.md5", "hashlib.sha1", "uuid.uuid1"), called
            shell = next((word.value for word in node.keywords if word.arg == "shell"), None)
            assert shell is None or ast.unparse(shell) == "False", "no program is run by a shell"
    if not name_of(path).startswith(BY_CHANCE):
        assert "random" not in imports(tree), "secrets come from `secrets` or `os.urandom`"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_asvs_1_5_1_one_module_reads_xml(path: Path) -> None:
    """SAML's, which is sent hostile documents in accounts/tests/test_saml.py."""
    if name_of(path) == "accounts/sso/saml.py":
        return
    assert not imports(ast.parse(path.read_text())) & XML


@pytest.mark.parametrize("path", CLIENT, ids=name_of)
def test_asvs_3_2_2_3_5_5_the_client_writes_text_as_text(path: Path) -> None:
    source = path.read_text()
    assert not re.search(
        r"\.(innerHTML|outerHTML)\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function\(", source
    )
    assert not re.search(r"window\.(on)?(post)?message|addEventListener\([\"']message", source, re.IGNORECASE)
    assert "dangerouslySetInnerHTML" not in source or name_of(path).endswith(INLINE)


PASSWORD = re.compile(r'<[^<>]*autoComplete="(?:current|new)-password"')


def test_asvs_6_2_6_6_2_7_passwords_are_masked_and_may_be_pasted() -> None:
    fields = [field for path in CLIENT for field in PASSWORD.findall(path.read_text())]
    assert len(fields) > 5
    assert all('type="password"' in field for field in fields)
    assert not [path for path in CLIENT if "onPaste" in path.read_text() and "password" in path.name.lower()]
