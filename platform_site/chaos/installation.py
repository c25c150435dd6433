"""An installation in a scratch folder, as a set of processes that share a database. Knows no promises."""

from __future__ import annotations

import base64
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from django.conf import settings

from platform_site.chaos.client import Away, Client, Door, Refused
from platform_site.chaos.process import Process, StartFailed
from platform_site.chaos.shape import Shape

#: Seconds of silence before a client leaves; a server that sleeps is left for another where there is one.
PATIENCE_ALONE, PATIENCE_AMONG_SEVERAL = 30.0, 8.0


class Installation:
    """`prepare`, then break `processes` at will; `end` at last. `database_url`: its scratch database; None: SQLite.

    Of the caller's environment nothing reaches it but PATH, what names the database and Redis, and how workers work.
    """

    def __init__(self, folder: Path, shape: Shape, database_url: str | None) -> None:
        common = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "AAP_RATE_LIMITS": "off", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        if database_url is not None:
            common |= _of_postgres(shape, database_url)
        self._folder = folder
        self.webs = [
            self._process(f"web server {number}", {**common, "PORT": str(port)}, port)
            for number, port in enumerate(_free_ports(shape.webs), 1)
        ]
        self.workers = [self._process(f"worker {number}", common, None) for number in range(1, shape.workers + 1)]
        self.door = Door([web.port for web in self.webs if web.port is not None], PATIENCE_ALONE)

    @property
    def processes(self) -> list[Process]:
        return [*self.webs, *self.workers]

    def prepare(self) -> str:
        """Migrate, start, set up; returns the id of an agent that may calculate and ask. Raises StartFailed."""
        first, *others = self.processes
        migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
        done = subprocess.run(  # noqa: S603
            migrate, cwd=settings.BASE_DIR, env=first.environment, capture_output=True, text=True
        )
        if done.returncode:
            raise StartFailed(f"The scratch database could not be migrated:\n{done.stderr[-2000:]}")
        first.start()
        for process in others:
            process.begin()
        try:
            agent = self._set_up(re.findall(r"#code=(\S+)", first.said())[-1])
        except (Away, Refused) as error:
            raise StartFailed(f"The scratch installation could not be set up: {error}") from None
        for process in others:
            process.wait_ready()
        if others:
            self.door.patience = PATIENCE_AMONG_SEVERAL
        return agent

    def _set_up(self, code: str) -> str:
        client = Client(self.door)
        client.set_up(code)
        client.call("POST", "providers/", {"kind": "demo", "name": "Demo"})
        model = client.call("GET", "models/")["results"][0]["id"]
        body = {"name": "Chaos", "model": model, "tools": ["calculator", "ask_person"]}
        agent = str(client.call("POST", "agents/", body)["id"])
        client.call("POST", f"agents/{agent}/publish/", {})
        return agent

    def end(self) -> None:
        """Every process that is left, at once; one that sleeps, too."""
        for process in self.processes:
            process.end(signal.SIGKILL)

    def keep_logs(self) -> Path:
        """Copies what the processes logged to a folder that stays; returns it."""
        kept = Path(tempfile.mkdtemp(prefix="aap-chaos-logs-"))
        for process in self.processes:
            if process.log.exists():
                shutil.copyfile(process.log, kept / process.log.name)
        return kept

    def _process(self, name: str, environment: dict[str, str], port: int | None) -> Process:
        data = self._folder / name.replace(" ", "-")
        (data / "static").mkdir(parents=True)
        log = self._folder / f"{data.name}.log"
        return Process(name, environment={**environment, "DATA_DIR": str(data)}, log=log, port=port)


def _of_postgres(shape: Shape, database_url: str) -> dict[str, str]:
    """libpq looks for passwords and certificates by these and below HOME, for the product as for us."""
    names = [name for name in os.environ if name == "HOME" or name.startswith("PG")]
    return {
        **{name: os.environ[name] for name in names},
        "DATABASE_URL": database_url,
        "AAP_DATABASE_POOL": str(shape.pool),
        "AAP_SERVE_WORKER": "0" if shape.workers else "1",
        "AAP_WORKER_CONCURRENCY": str(settings.WORKER_CONCURRENCY),
        "AAP_WORKER_PATIENCE": str(settings.WORKER_PATIENCE),
        # Its keys are its own, and no key of the product comes near it.
        "AAP_SECRET_KEY": secrets.token_urlsafe(48),
        "AAP_ENCRYPTION_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "AAP_AUDIT_KEYS": "a1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        # Channels bear the id that each installation draws for itself, so a Redis may be shared with the product.
        **({"REDIS_URL": shape.redis_url} if shape.redis_url else {}),
    }


#: Below what systems give to outgoing connections: one of those could take the port of a server that was just killed.
PORTS = range(20_000, 32_000)


def _free_ports(count: int) -> list[int]:
    """Different ones: each probe is held until all are found."""
    probes: list[socket.socket] = []
    try:
        for port in random.SystemRandom().sample(PORTS, 1_000):
            if len(probes) == count:
                break
            probe = socket.socket()
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                probe.close()
            else:
                probes.append(probe)
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
