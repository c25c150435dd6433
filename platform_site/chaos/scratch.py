"""A database of the campaign's own on the user's PostgreSQL server: made, used, dropped. Looks at no other database."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from platform_site.chaos.shape import CannotTry

PREFIX = "aap_chaos_"
CONNECT_SECONDS = 10
DROP_TRIES = 3


@dataclass(frozen=True, slots=True)
class Scratch:
    """`server` is the server's version as people write it ("18.1")."""

    name: str
    url: str
    server: str


@contextmanager
def scratch_database(url: str, *, connections: int, complain: Callable[[str], None]) -> Iterator[Scratch]:
    """Made beside the database that `url` names, with its encoding; dropped at the end, whatever happens.

    `connections`: how many will be needed. Raises CannotTry when there are not as many left for us, when the server does
    not let us in, and when the role may make no database. `complain` gets what to do when it cannot be dropped.
    """
    name = PREFIX + secrets.token_hex(6)
    server = _look(url, connections)
    try:
        _make(url, name)
        yield Scratch(name, with_name(url, name), server)
    finally:
        _drop(url, name, complain)


def with_name(url: str, name: str) -> str:
    """The address of another database on the same server, for the same role."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/{name}" + (f"?{parts.query}" if parts.query else "")


def _connect(url: str) -> psycopg.Connection[tuple[object, ...]]:
    return psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_SECONDS)


def _look(url: str, connections: int) -> str:
    """The server's version, once it is sure that there is a place for us."""
    try:
        with _connect(url) as connection:
            _check_room(connection, connections)
            row = connection.execute(
                "SELECT split_part(current_setting('server_version'), ' ', 1), rolcreatedb OR rolsuper"
                " FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
            role = connection.info.user
    except psycopg.Error as error:
        raise CannotTry(f"The PostgreSQL server that DATABASE_URL names does not let us in: {_line(error)}") from None
    if row is None or not row[1]:
        raise CannotTry(
            f'The role "{role}" may make no databases, and the campaign needs a scratch one: have an administrator run '
            f'ALTER ROLE "{role}" CREATEDB, or leave DATABASE_URL out to try SQLite.'
        )
    return str(row[0])


def _make(url: str, name: str) -> None:
    try:
        with _connect(url) as connection:
            kind = connection.execute(
                "SELECT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
                " WHERE datname = current_database()"
            ).fetchone()
            assert kind is not None
            # From template0: template1 cannot be copied while somebody is connected to it.
            statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}")
            connection.execute(statement.format(sql.Identifier(name), *(sql.Literal(value) for value in kind)))
    except psycopg.Error as error:
        raise CannotTry(f"The scratch database could not be made: {_line(error)}") from None


def _check_room(connection: psycopg.Connection[tuple[object, ...]], needed: int) -> None:
    """A product that runs on this server must not find it full because of us."""
    row = connection.execute(
        "SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int"
        " - count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"
    ).fetchone()
    free = int(str(row[0])) if row is not None else 0
    if free < needed:
        raise CannotTry(
            f"The PostgreSQL server has {free} connections left and the campaign may need {needed}: ask for fewer "
            "processes with --webs and --workers, or raise max_connections."
        )


def _drop(url: str, name: str, complain: Callable[[str], None]) -> None:
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    for left in reversed(range(DROP_TRIES)):
        try:
            with _connect(url) as connection:
                connection.execute(statement)
            return
        except psycopg.Error as error:
            if not left:
                complain(
                    f"The scratch database could not be dropped: {_line(error)} "
                    f"Drop it by hand: DROP DATABASE {name} WITH (FORCE);"
                )
            else:
                time.sleep(1)


def _line(error: Exception) -> str:
    """The first line of what the server said, as a sentence."""
    said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return f"{said}."
