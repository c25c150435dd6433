#!/usr/bin/env python3
"""Set-up of a checkout, step by step, with the standard library only: what `make run` and `make test` do first.

Every step leaves a stamp that names what it was made from; a step whose stamp still fits is skipped. So it is safe to
repeat, and to interrupt at any point: a step that did not end is stamped as under way and is done again.

`AAP_VENV` puts the Python packages elsewhere than in `.venv`. `AAP_KEEP_PYTHON` (make sets it when PYTHON is given) keeps
the Python that runs this, whatever it was compiled with.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = Path(os.path.abspath(ROOT / (os.environ.get("AAP_VENV") or ".venv")))
STAMPS = ROOT / ".stamps"
UNDER_WAY = "under way"
PYTHON = VENV / "bin" / "python"
SYSTEM_PYTHON = Path("/usr/bin/python3")
CLIENT = ROOT / "frontend"
MOCK_VENDOR = ROOT / "tests" / "mockvendor"
BUILD = CLIENT / "out"


#: What a step loads it leaves compiled, whatever containers like to forbid: each start would compile it anew.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
#: What no command loads and the product does: to serve, and when a vendor is first asked.
LOADED_LATER = (
    "anthropic, daphne.server, h11, httptools, ollama, openai, orjson, twisted.internet.asyncioreactor, uvloop"
)


def say(text: str) -> None:
    print(text, flush=True)


def stop(text: str) -> None:
    print(f"\n{text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def digest(paths: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def stamp_file(name: str) -> Path:
    """The packages' stamp stays with them: it goes when they go, and says so of whichever AAP_VENV is meant."""
    return VENV / ".set-up" if name == "python" else STAMPS / name


def read_stamp(name: str) -> str | None:
    try:
        return stamp_file(name).read_text()
    except OSError:
        return None


def stamp_fits(name: str, value: str) -> bool:
    return read_stamp(name) == value


def write_stamp(name: str, value: str) -> None:
    path = stamp_file(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.draft")
    draft.write_text(value)
    draft.replace(path)


def run(
    command: list[str],
    *,
    cwd: Path = ROOT,
    env: dict[str, str] | None = None,
    failed: str,
    leave: Callable[[], None] | None = None,
) -> None:
    """Run quietly; on failure show the last lines and what to do. `leave` follows when the command was not killed."""
    result = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **COMPILED, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if result.returncode > 0 and leave is not None:
        leave()
    if result.returncode:
        tail = "\n".join(result.stdout.strip().splitlines()[-25:])
        stop(f"{tail}\n\n{failed}")


def step(number: str, name: str, value: str, title: str, work: Callable[[], None]) -> None:
    say(f"[{number}] {title} …")
    started = time.monotonic()
    write_stamp(name, UNDER_WAY)  # an older stamp must not vouch for what this step leaves when it is cut off
    work()
    write_stamp(name, value)
    say(f"[{number}] {title}: done in {time.monotonic() - started:.0f} s")


def check_python() -> None:
    if sys.version_info < (3, 11):  # noqa: UP036  # run by whatever python3 there is
        stop(
            f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.\n"
            "On Debian 12: apt install python3 python3-venv. Or name another: make run PYTHON=/path/to/python3.12"
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop("Python's venv module is missing. On Debian: apt install python3-venv")


def node_version() -> tuple[int, int] | None:
    node = shutil.which("node")
    if node is None or shutil.which("npm") is None:
        return None
    text = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip().lstrip("v")
    try:
        major, minor = text.split(".")[:2]
        return int(major), int(minor)
    except ValueError:
        return None


def check_node() -> None:
    found = node_version()
    if found is None:
        stop(
            "Node.js with npm is needed once, to build the web client (not to run it).\n"
            "Install Node 20.9 or newer (on Debian 12 from nodesource, or any version manager), then run this again."
        )
    elif found < (20, 9):
        stop(f"Node.js 20.9 or newer is needed to build the web client; this is {found[0]}.{found[1]}.")


def check_place() -> None:
    """What is half-made is deleted. So a folder that was named by mistake is refused first."""
    ours = VENV == ROOT / ".venv" or (VENV / "pyvenv.cfg").exists() or read_stamp("python") is not None
    if not ours and VENV.exists() and not (VENV.is_dir() and not any(VENV.iterdir())):
        stop(f"AAP_VENV names {VENV}, which is something else than Python packages. Name a new or an empty folder.")


def empty_venv() -> None:
    """All of it but the stamp, which says until the end that this is under way."""
    for path in VENV.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path != stamp_file("python"):
            path.unlink()


def choose_python(own: str | None, system: Path) -> str:
    """The Python that the packages get: this one, or the system's of the same version if this one was compiled without
    optimisation. Distributions compile theirs with it (Debian without that flag, by a build rule of its own); without, the
    same work takes an eighth more of the processor (docs/figures.md).

    `own`: what this one was compiled with (sysconfig's CONFIG_ARGS); None where that is not known.
    """
    if own is None or "--enable-optimizations" in own or os.environ.get("AAP_KEEP_PYTHON"):
        return sys.executable
    ask = "import ensurepip, sys, venv; print(sys.version_info[:2], sys.base_prefix)"
    try:
        told = subprocess.run([system, "-I", "-c", ask], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return sys.executable
    version = str(sys.version_info[:2])
    if (
        not told.startswith(version) or told.strip() == f"{version} {sys.base_prefix}"
    ):  # another version, or this very one
        return sys.executable
    say(f"Its packages get {system}: {sys.executable} was compiled without optimisation. PYTHON=… decides otherwise.")
    return str(system)


def python_packages(lock: str, half_made: bool) -> Callable[[], None]:
    lean = lock == "requirements.txt"

    def work() -> None:
        if half_made or not PYTHON.exists() or not (VENV / "bin" / "pip").exists():
            # pip takes a package that it was writing when it was cut off for installed. So it begins anew.
            empty_venv()
            python = choose_python(sysconfig.get_config_var("CONFIG_ARGS"), SYSTEM_PYTHON)
            run([python, "-m", "venv", str(VENV)], failed="The virtual environment could not be made.")
        # The lock is whole. pip's own look for what is missing stumbles over extras that a package asks for.
        run(
            [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes",
             "--no-deps", *(["--no-compile"] if lean else []), "-r", lock],
            failed="The Python packages could not be installed. Check the network (pip's own settings are honoured), "
            "then run this again.",
            leave=lambda: write_stamp("python", "not installed"),  # it ended by itself: what is there is whole
        )  # fmt: skip
        if lean:
            leave_out_what_nobody_loads()

    return work


def leave_out_what_nobody_loads() -> None:
    """The packages as they come are a fifth larger: their own tests, what only builds packages, and modules of which most
    are never loaded, all compiled."""
    run(
        [str(PYTHON), "-m", "pip", "uninstall", "--quiet", "--disable-pip-version-check", "--yes", "setuptools"],
        failed="The Python packages could not be trimmed.",
    )
    for pattern in ("lib/python3*/site-packages/**/tests", "lib/python3*/site-packages/**/test"):
        for folder in list(VENV.glob(pattern)):
            if folder.is_dir() and folder.parts[-2:] != ("django", "test"):
                shutil.rmtree(folder)
    run([str(PYTHON), "-c", f"import {LOADED_LATER}"], failed="A Python package cannot be loaded on this machine.")
    with tempfile.TemporaryDirectory() as nowhere:  # a wrong setting is told by the step that needs it
        subprocess.run(
            [str(PYTHON), "manage.py", "check"], cwd=ROOT, env={**os.environ, **COMPILED, "DATA_DIR": nowhere},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip


def client_sources() -> list[Path]:
    names = ["package.json", "package-lock.json", ".npmrc", "next.config.ts", "next.config.mjs", "tsconfig.json",
             "postcss.config.mjs"]  # fmt: skip
    files = [CLIENT / name for name in names if (CLIENT / name).is_file()]
    for folder in ("src", "public", "scripts"):
        files += [path for path in (CLIENT / folder).rglob("*") if path.is_file()]
    return files


def npm_packages() -> None:
    run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=CLIENT,
        failed="The web client's packages could not be installed. Check the network, then run this again.",
    )


def mock_vendor() -> None:
    run(
        ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=MOCK_VENDOR,
        failed="The mock of the vendors for the tests could not be installed. Check the network, then run this again.",
    )


def build_client() -> None:
    run(
        ["npm", "run", "build"],
        cwd=CLIENT,
        env={"NEXT_TELEMETRY_DISABLED": "1"},
        failed="The web client could not be built. The lines above say where.",
    )
    run([str(PYTHON), "-m", "whitenoise.compress", "--quiet", str(BUILD)], failed="The build could not be compressed.")


def manage(*arguments: str, failed: str) -> None:
    run([str(PYTHON), "manage.py", *arguments], failed=failed)


def database() -> None:
    manage("upgrade", failed="The database could not be brought up to date.")


def static_files() -> None:
    manage("collectstatic", "--noinput", "--clear", "--verbosity", "0", failed="Static files could not be collected.")


def data_dir() -> Path:
    return Path(os.environ.get("DATA_DIR") or ROOT / "data").resolve()


def main() -> None:
    check_python()
    want_dev = "--dev" in sys.argv
    want_database = "--no-database" not in sys.argv
    lock = "requirements-dev.txt" if want_dev else "requirements.txt"
    STAMPS.mkdir(exist_ok=True)
    guard = open(STAMPS / "lock", "w")  # noqa: SIM115  # held until the end: two set-ups at once would meet
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        say("Another set-up of this checkout is under way; waiting for it …")
        fcntl.flock(guard, fcntl.LOCK_EX)

    check_place()
    todo: list[tuple[str, str, str, Callable[[], None]]] = []
    half_made = stamp_fits("python", UNDER_WAY)
    packages = f"{sys.version_info[:2]} " + digest([ROOT / lock])
    dev_packages = f"{sys.version_info[:2]} " + digest([ROOT / "requirements-dev.txt"])
    has_venv = PYTHON.exists() and (stamp_fits("python", packages) or stamp_fits("python", dev_packages))
    if not has_venv:
        todo.append(("python", packages, "Python packages (about a minute)", python_packages(lock, half_made)))
    elif want_dev and not stamp_fits("python", dev_packages):
        todo.append(("python", packages, "Python packages for the tests", python_packages(lock, half_made)))
    if CLIENT.is_dir():
        locked = digest([CLIENT / "package-lock.json"])
        sources = digest(client_sources())
        needs_build = not (stamp_fits("client", sources) and (BUILD / "index.html").is_file())
        if needs_build or want_dev:
            if not (stamp_fits("npm", locked) and (CLIENT / "node_modules").is_dir()):
                check_node()
                todo.append(("npm", locked, "Web client's packages (about a minute)", npm_packages))
            if needs_build:
                check_node()
                todo.append(("client", sources, "Web client's build (one to two minutes)", build_client))
    if want_dev:
        locked = digest([MOCK_VENDOR / "package-lock.json"])
        if not (stamp_fits("mockvendor", locked) and (MOCK_VENDOR / "node_modules").is_dir()):
            check_node()
            todo.append(("mockvendor", locked, "Mock of the vendors for the tests", mock_vendor))
    if want_database:
        migrations = [*ROOT.glob("*/migrations/*.py"), ROOT / "requirements.txt"]
        where = os.environ.get("DATABASE_URL", "sqlite")
        schema = hashlib.sha256(f"{data_dir()} {where} {digest(migrations)}".encode()).hexdigest()
        fresh = where == "sqlite" and not (data_dir() / "platform.sqlite3").exists()
        if fresh or not stamp_fits("schema", schema):
            todo.append(("schema", schema, "Database", database))
        assets = f"{data_dir()} {packages} {digest((ROOT / 'static').rglob('*.*'))}"
        if not (data_dir() / "static" / "error.css").exists() or not stamp_fits("assets", assets):
            todo.append(("assets", assets, "Static files", static_files))
    for index, planned in enumerate(todo, start=1):
        step(f"{index}/{len(todo)}", *planned)


if __name__ == "__main__":
    if unknown := set(sys.argv[1:]) - {"--dev", "--no-database"}:
        stop(f"{' '.join(sorted(unknown))} means nothing here. Without words it sets up; --dev is for tests.")
    try:
        main()
    except KeyboardInterrupt:
        stop("Interrupted. Run the same command again to go on from here.")
    except OSError as error:  # a checkout of somebody else, a full disk
        stop(
            f"{error.filename or 'A file'}: {error.strerror or error}. Put that right, then run the same command again."
        )
