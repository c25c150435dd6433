"""The only reader of the environment: typed, with `NAME_FILE` for secrets, and clear refusals.

`take_vendor_environment` removes the vendors' own variables (OPENAI_API_KEY, …) before any SDK is imported, because the
SDKs read them silently; the set-up offers them by name instead.
"""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit


class BadEnvironment(SystemExit):
    """A variable is missing or wrong; the message says which and what to put there."""


def read(name: str, default: str | None = None) -> str | None:
    """The value of `name`, or the content of the file that `name_FILE` points at, stripped; `default` if neither."""
    value = os.environ.get(name)
    if value:
        try:
            value.encode()
        except UnicodeEncodeError:
            raise BadEnvironment(f"{name} holds bytes that are no text (UTF-8).") from None
        return value
    path = os.environ.get(f"{name}_FILE")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise BadEnvironment(f"{name}_FILE points at {path}, which cannot be read: {error}.") from error
    return default


def file_of(name: str) -> Path | None:
    """The file that `name_FILE` points at, if the value comes from there."""
    path = os.environ.get(f"{name}_FILE")
    return Path(path) if path and not os.environ.get(name) else None


def is_fixed(name: str) -> bool:
    """Whether the value comes from the environment itself or from a command: it stays as it is until the next start."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_COMMAND"))


def is_given(name: str) -> bool:
    """Whether the operator gave `name` in any of the ways."""
    return is_fixed(name) or file_of(name) is not None


def read_from_command(name: str) -> str | None:
    """What the program that `name_COMMAND` names prints: the way to a key store of any make. None without one.

    The program is run as it is, without a shell, at every start of a process.
    """
    command = os.environ.get(f"{name}_COMMAND")
    if not command:
        return None
    try:
        done = subprocess.run(  # noqa: S603  # the operator's own words
            shlex.split(command), capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        told = (getattr(error, "stderr", None) or str(type(error).__name__)).strip()[:300]
        raise BadEnvironment(f"The program of {name}_COMMAND gave no key: {told}") from None
    if not done.stdout.strip():
        raise BadEnvironment(f"The program of {name}_COMMAND printed nothing.")
    return done.stdout.strip()


def read_text(name: str, default: str = "") -> str:
    return read(name, default) or default


def read_folder(name: str, default: Path) -> Path:
    """A folder that is there afterwards, for nobody else to read if it was made here."""
    path = Path(read_text(name, str(default)))
    try:
        path = path.resolve()
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.stat()
    except (OSError, RuntimeError) as error:  # a link that leads to itself
        why = "it is something else than a folder" if isinstance(error, FileExistsError) else _strerror(error)
        raise BadEnvironment(f"{name} is {path}, which cannot be used as a folder: {why}. Name another.") from None
    return path


def _strerror(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def read_list(name: str, default: str = "") -> tuple[str, ...]:
    """A comma-separated list without empty entries."""
    return tuple(item.strip() for item in read_text(name, default).split(",") if item.strip())


def split_address(address: str) -> SplitResult | None:
    """The parts of an address; None where the library refuses it (in words of its own), or its port."""
    try:
        parts = urlsplit(address)
        _ = parts.port
    except ValueError:
        return None
    return parts


def read_origins(name: str) -> tuple[str, ...]:
    """A list of origins as browsers send them: scheme, host and port, nothing behind them but a slash, which is dropped."""
    found = tuple(item.rstrip("/") for item in read_list(name))
    for item in found:
        parts = split_address(item)
        if not parts or parts.scheme not in ("http", "https") or not parts.hostname or parts[2:] != ("", "", ""):
            raise BadEnvironment(f"{name} must list origins such as https://agents.example.com, not {item!r}.")
    return found


def read_log_level(name: str, default: str) -> str:
    levels = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
    level = read_text(name, default).upper()
    if level not in levels:
        raise BadEnvironment(f"{name} must be one of {', '.join(levels)}, not {level!r}.")
    return level


def read_sentry_address(name: str) -> str | None:
    """What Sentry calls a DSN, `https://key@host/number`; None without one. It is not repeated: the key is in it."""
    value = read(name)
    if value is None:
        return None
    parts = split_address(value)
    good = parts and parts.scheme in ("http", "https") and parts.hostname and parts.username
    if not parts or not good or not parts.path.rpartition("/")[2].isdecimal():
        raise BadEnvironment(f"{name} must look like https://key@sentry.example.com/1. Leave it out to report nothing.")
    return value


def read_networks(name: str) -> tuple[str, ...]:
    """A list of networks such as `10.0.0.0/8`; a single address is a network of one."""
    from ipaddress import ip_network

    found = read_list(name)
    for item in found:
        try:
            ip_network(item, strict=False)
        except ValueError:
            raise BadEnvironment(f"{name} must list networks such as 10.0.0.0/8; {item!r} is none.") from None
    return found


def read_int(name: str, default: int, *, low: int, high: int) -> int:
    raw = read_text(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        value = low - 1
    if not low <= value <= high:
        raise BadEnvironment(f"{name} must be a whole number from {low} to {high}, not {raw!r}.")
    return value


def read_factor(name: str) -> str:
    """`off`, or what the rates are multiplied by; 1 when nothing is said."""
    raw = read_text(name, "1").lower()
    try:
        good = raw == "off" or 0 < float(raw) <= 1_000_000
    except ValueError:
        good = False
    if not good:
        raise BadEnvironment(f"{name} must be a number such as 2 or 0.5, or off; not {raw!r}.")
    return raw


def read_places(name: str) -> tuple[str, ...]:
    """A comma-separated list of places: `file:/path`, `s3://bucket/prefix?endpoint=…` or an http(s) address."""
    places = read_list(name)
    for place in places:
        parts = split_address(place)
        if not parts or not (
            parts.path.startswith("/")
            if parts.scheme == "file"
            else parts.scheme in ("s3", "https", "http") and parts.hostname
        ):
            raise BadEnvironment(
                f"{name} must be a list of file:/path, s3://bucket/prefix?endpoint=https://… or https://… , not {place!r}."
            )
    return places


VENDOR_NAMES = (
    "OPENAI_API_KEY",
    "ANTHROPIC_API_KEY",
    "AZURE_OPENAI_API_KEY",
    "AZURE_OPENAI_ENDPOINT",
    "OLLAMA_HOST",
)
_SILENT = (
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENAI_ADMIN_KEY",
    "OPENAI_WEBHOOK_SECRET",
    "OPENAI_CUSTOM_HEADERS",
    "AZURE_OPENAI_AD_TOKEN",
    "AZURE_OPENAI_API_VERSION",  # an option of the provider says it
    "ANTHROPIC_BASE_URL",
    "ANTHROPIC_AUTH_TOKEN",
    "ANTHROPIC_CUSTOM_HEADERS",
    "ANTHROPIC_LOG",
    "OPENAI_LOG",
    "OLLAMA_API_KEY",
)


def take_vendor_environment() -> dict[str, str]:
    """The vendors' variables that are set, taken out of the process's environment."""
    found = {}
    for name in VENDOR_NAMES:
        value = read(name)
        if value:
            found[name] = value
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    for name in _SILENT:
        os.environ.pop(name, None)
    return found


def take_all(prefix: str) -> None:
    """Take every variable of that beginning out of the process's environment: libraries would read them silently."""
    for name in [name for name in os.environ if name.startswith(prefix)]:
        del os.environ[name]


def parse_database_url(url: str, *, through_pooler: bool = False, name: str = "DATABASE_URL") -> dict[str, object]:
    """`postgresql://user:password@host:port/name?sslmode=…` as Django's settings for one database.

    `through_pooler`: what is set for a session may be somebody else's a moment later, so nothing is; the database role
    carries the time limits instead.
    """
    parts = split_address(url)
    if not parts or parts.scheme not in ("postgres", "postgresql") or not parts.path.strip("/"):
        raise BadEnvironment(
            f"{name} must look like postgresql://user:password@host:5432/name. Leave it out to use SQLite in DATA_DIR."
        )
    options: dict[str, object] = dict(parse_qsl(parts.query))
    host = unquote(parts.hostname or "") or str(options.pop("host", ""))
    # A process that is paused in the middle of a transaction holds its locks. The server ends such a transaction when the
    # lease on a run is over as well (LEASE, ten seconds), and nobody waits longer than five seconds for a lock.
    given = str(options.get("options", ""))
    if not through_pooler:
        for setting, limit in (("idle_in_transaction_session_timeout", "10s"), ("lock_timeout", "5s")):
            if setting not in given:
                given = f"{given} -c {setting}={limit}".strip()
        options["options"] = given
    options["pool"] = {"min_size": 1, "max_size": read_int("AAP_DATABASE_POOL", 20, low=4, high=500), "timeout": 5}
    return {
        "ENGINE": "core.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        # The pool asks each connection for a sign of life before it hands it out: after a restart of the server it is full
        # of dead ones, and every one of them would cost somebody a request, or a run its model call.
        "CONN_HEALTH_CHECKS": True,
        "DISABLE_SERVER_SIDE_CURSORS": through_pooler,
        "THROUGH_POOLER": through_pooler,
        "OPTIONS": options,
    }


def parse_mail_url(url: str) -> dict[str, Any]:
    """`smtp://user:password@host:587?tls=starttls` or `smtps://…:465` as the fields of core.egress.mail.MailServer.

    `tls` is `starttls` (the default of smtp) or `off`; `ca` names a file with the certificates to trust instead of the
    machine's own.
    """
    help_text = (
        "AAP_MAIL_URL must look like smtp://user:password@host:587?tls=starttls or smtps://user:password@host:465. "
        "Leave it out to show links instead of sending them."
    )
    parts = split_address(url)
    if not parts:
        raise BadEnvironment(help_text)
    options = dict(parse_qsl(parts.query))
    implicit = parts.scheme == "smtps"
    tls = options.pop("tls", "implicit" if implicit else "starttls")
    ca_file = options.pop("ca", "")
    if (
        parts.scheme not in ("smtp", "smtps")
        or not parts.hostname
        or options
        or tls not in (("implicit",) if implicit else ("starttls", "off"))
        or (ca_file and not Path(ca_file).is_file())
    ):
        raise BadEnvironment(help_text)
    if tls == "off" and parts.password and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise BadEnvironment("AAP_MAIL_URL would send its password in the clear. Take tls=off out of it.")
    return {
        "host": parts.hostname,
        "port": parts.port or (465 if implicit else 587),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "tls": tls,
        "ca_file": ca_file,
    }


def read_public_url(name: str, default: str) -> str:
    """An absolute http(s) address without a slash at its end."""
    value = read_text(name, default).rstrip("/")
    parts = split_address(value)
    if not parts or parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise BadEnvironment(f"{name} must be an address such as https://agents.example.com, not {value!r}.")
    return value


def read_service(name: str) -> str:
    """The address of a service, ready for the path of a question; "" when there is none."""
    return f"{read_public_url(name, '')}/" if read_text(name) else ""


def read_flag(name: str, default: bool = False) -> bool:
    raw = read_text(name, "1" if default else "0").lower()
    if raw not in ("1", "0", "true", "false", "yes", "no", "on", "off"):
        raise BadEnvironment(f"{name} must be 1 or 0, not {raw!r}.")
    return raw in ("1", "true", "yes", "on")
