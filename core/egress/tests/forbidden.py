"""Some five hundred ways to write an internal address, for a given port."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

TARGETS = (
    "127.0.0.1",
    "127.8.9.1",
    "10.0.0.1",
    "169.254.169.254",
    "192.168.1.1",
    "172.16.0.9",
    "100.64.0.1",
    "0.0.0.0",
)
_WIDE = str.maketrans("0123456789.", "０１２３４５６７８９．")
_CIRCLED = str.maketrans("123456789", "①②③④⑤⑥⑦⑧⑨")


def hosts() -> list[str]:
    """Host parts; IPv6 in brackets."""
    found: list[str] = []
    for text in TARGETS:
        found += _v4_spellings(text) + _v6_spellings(text)
    found += _plain_v6() + _names()
    return list(dict.fromkeys(found))


def _v4_spellings(text: str) -> list[str]:
    number = int(IPv4Address(text))
    a, b, c, d = (int(part) for part in text.split("."))
    return [
        text,
        str(number),
        hex(number),
        "0" + oct(number)[2:],
        f"0x{a:02x}.0x{b:02x}.0x{c:02x}.0x{d:02x}",
        f"0X{a:02X}.{b}.{c}.{d}",
        f"{a:04o}.{b:04o}.{c:04o}.{d:04o}",
        f"{a}.{b}.{c * 256 + d}",
        f"{a}.{b * 65536 + c * 256 + d}",
        f"{a}.0x{b * 65536 + c * 256 + d:x}",
        text + ".",
        text + "..",
        text.translate(_WIDE),
        text.translate(_CIRCLED),
        text.replace(".", "。"),
        text.replace(".", "%2e"),
        f"%3{text[0]}{text[1:]}",
        f"00{text}",
        f"{text}%00.example.com",
        str(number + 2**32),
        f"user@{text}",
        f"user:pass@{text}",
        f"api.example.com@{text}",
        f"api.example.com\\@{text}",
        f"{text}\\.example.com",
        f"{text}#@api.example.com",
        f"{text}?@api.example.com",
        f" {text}",
        f"{text}\t",
        f"\r\n{text}",
        f"{text}\x00",
    ]


def _v6_spellings(text: str) -> list[str]:
    number = int(IPv4Address(text))
    high, low = number >> 16, number & 0xFFFF
    spelled = [
        f"::ffff:{text}",
        f"::FFFF:{text}",
        f"::ffff:{high:x}:{low:x}",
        f"::ffff:{high:04X}:{low:04X}",
        f"0:0:0:0:0:ffff:{high:x}:{low:x}",
        f"0000:0000:0000:0000:0000:ffff:{high:04x}:{low:04x}",
        f"0::ffff:{text}",
        f"::{text}",
        f"::{high:x}:{low:x}",
        f"::ffff:0:{high:x}:{low:x}",
        f"64:ff9b::{text}",
        f"64:ff9b::{high:x}:{low:x}",
        f"64:FF9B::{high:X}:{low:X}",
        f"0064:ff9b:0:0:0:0:{high:x}:{low:x}",
        f"64:ff9b:1::{high:x}:{low:x}",
        f"64:ff9b:1:{high:x}:{low >> 8:x}:{(low & 255) << 8:x}::",
        f"2002:{high:x}:{low:x}::",
        f"2002:{high:04X}:{low:04X}::1",
        f"2001:0:{high:x}:{low:x}::",
        f"2001::{0xFFFF ^ high:x}:{0xFFFF ^ low:x}",
        f"2600::5efe:{high:x}:{low:x}",
        f"2600::200:5efe:{high:x}:{low:x}",
        f"fe80::5efe:{text}",
        f"::ffff:{high:x}:{low:x}%eth0",
    ]
    return [f"[{item}]" for item in spelled]


def _plain_v6() -> list[str]:
    plain = [
        "::1",
        "::",
        "0:0:0:0:0:0:0:1",
        "0000::0001",
        "fe80::1",
        "FE80::1",
        "fe80::1%lo",
        "fe80::1%25lo",
        "febf::1",
    ]
    plain += ["fc00::1", "fd12:3456::1", "FD00::ABCD", "fec0::1", "ff02::1", "ff0e::1", "2001:db8::1", "3fff::1"]
    plain += ["2001:2::1", "100::1", "5f00::1", "4000::1", "2001:10::1", "::1%lo", "::0001", "0::1"]
    assert all(IPv6Address(item.split("%")[0]) is not None for item in plain)
    return [f"[{item}]" for item in plain] + ["::1", "[::1", "::1]", "[]", "[::1]x", "[::1]@x", "[127.0.0.1]"]


def _names() -> list[str]:
    names = [
        "localhost",
        "LOCALHOST",
        "LocalHost",
        "localhost.",
        "a.localhost",
        "A.LocalHost",
        "ⓛocalhost",
        "localhоst",
    ]
    names += [
        "",
        ".",
        "..",
        "-",
        "a..b",
        "x" * 64,
        "a" * 260,
        "exa mple.com",
        "exam\u00adple.com",
        "ℓocalhost",
        "*",
        "a_b%",
    ]
    return [*names, "127.0.0.1,example.com", "127.0.0.1;x", "(127.0.0.1)", "127.0.0.1&x", "127.0.0.1$", "0x", "0x7f"]


def urls(port: int) -> list[str]:
    """Each host with both schemes, and what only a whole URL can be."""
    found = [f"{scheme}://{host}:{port}/v1" for host in hosts() for scheme in ("http", "https")]
    found += [
        f"http:\\\\127.0.0.1:{port}/",
        f"http:/127.0.0.1:{port}/",
        f"http:127.0.0.1:{port}/",
        f"//127.0.0.1:{port}/",
        f"127.0.0.1:{port}",
        f"gopher://127.0.0.1:{port}/",
        f"file://127.0.0.1:{port}/etc/passwd",
        f"ws://127.0.0.1:{port}/",
        f"http+unix://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}\\@api.example.com/",
        f"http://api.example.com#@127.0.0.1:{port}/",
        f"https://127.0.0.1:{port}/a/../b",
        f"https://127.0.0.1:{port}/a;/../b",
        "https://127.0.0.1:0/",
        "https://127.0.0.1:65536/",
        "https://127.0.0.1:-1/",
        f"https://127.0.0.1:{port}{port}/",
        f"https://127.0.0.1:+{port}/",
        f"https://127.0.0.1:{port}:{port}/",
        f"https://127.0.0.1:0x{port:x}/",
        f"HtTp://127.0.0.1:{port}/",
        f"http://127.0.0.1:{port}/\r\nHost: x",
        f"\x00http://127.0.0.1:{port}/",
    ]
    return found
