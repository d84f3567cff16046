"""Where the time of one path goes: py-spy looks at the serving process, or cProfile at the application in this one."""

from __future__ import annotations

import cProfile
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from benchmarks import asks, processes, servers, stage
from benchmarks.load import LoadFailed, measure
from referral_service.app import close, create_app
from referral_service.config import Settings

CONNECTIONS = 32
WARM_UP = 100
LINES = 40
OK = [200, 201, 302]

PATHS: dict[str, Callable[[stage.Cast, int, int], list[bytes]]] = {
    "redirect": asks.redirects,
    "purchase": lambda cast, port, count: asks.purchases(cast, port, [cast.referees.pop() for _ in range(count)]),
    "claim": asks.claims,
    "code": asks.code_issues,
    "invite": asks.invitations,
    "share": asks.share_pages,
}


def with_py_spy(kind: str, path: str, requests: int, folder: Path, output: Path) -> float:
    """Draw a flame graph of the serving process into `output` while requests come in; gives their rate."""
    with ExitStack() as stack:
        made = stack.enter_context(servers.databases(kind, folder))
        url, master = made.make("referral"), secrets.token_urlsafe(48)
        cast = stage.seed(url, {servers.KID: master}, referees=requests + WARM_UP)
        service = stack.enter_context(servers.service_server(url, master, workers=1))
        measure(service.port, PATHS[path](cast, service.port, WARM_UP), connections=CONNECTIONS, statuses=OK)
        asked = PATHS[path](cast, service.port, requests)
        # The one that has used the most is the web process; the other only watches it.
        pid = max(processes.descendants(service.pid), key=processes.memory_bytes_of)
        with _recording(pid, output):
            return measure(service.port, asked, connections=CONNECTIONS, statuses=OK)


def py_spy() -> str | None:
    """The command, where it is installed."""
    return shutil.which("py-spy", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")


@contextmanager
def _recording(pid: int, output: Path) -> Iterator[None]:
    command = [str(py_spy()), "record", "--pid", str(pid), "--rate", "200", "--output", str(output)]
    recorder = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    # It says nothing when it has begun.
    time.sleep(0.5)
    try:
        yield
    finally:
        recorder.send_signal(signal.SIGINT)
        _, said = recorder.communicate(timeout=60)
    if recorder.returncode or not output.exists():
        raise LoadFailed(f"py-spy: {said.decode(errors='replace')[-300:]}")


def in_process(kind: str, path: str, requests: int, folder: Path) -> Iterator[str]:
    """Call the application itself, one request after the other; gives the costliest functions, a line each."""
    with servers.databases(kind, folder) as made:
        url, keys = made.make("referral"), {servers.KID: secrets.token_urlsafe(48)}
        cast = stage.seed(url, keys, referees=requests + WARM_UP)
        app = create_app(Settings(database_url=url, base_url="http://127.0.0.1", master_keys=keys, rate_limits=False))
        profile = cProfile.Profile()
        try:
            for environ in map(_environ, PATHS[path](cast, 80, WARM_UP)):
                _call(app, environ)
            for environ in [_environ(each) for each in PATHS[path](cast, 80, requests)]:
                profile.runcall(_call, app, environ)
        finally:
            close(app)
    yield f"{'calls':>7} {'own us':>8} {'all us':>8}  of one request, and the function"
    for entry in sorted(profile.getstats(), key=lambda entry: -entry.inlinetime)[:LINES]:
        own, all_ = (1e6 * seconds / requests for seconds in (entry.inlinetime, entry.totaltime))
        code = entry.code
        name = code if isinstance(code, str) else f"{Path(code.co_filename).name}:{code.co_firstlineno} {code.co_name}"
        yield f"{entry.callcount / requests:7.1f} {own:8.1f} {all_:8.1f}  {name}"


def _environ(request: bytes) -> dict[str, Any]:
    """What a WSGI server (PEP 3333) makes of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *headers = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": BytesIO(body), "wsgi.errors": sys.stderr,
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False,
    }  # fmt: skip
    for header in headers:
        name, _, value = header.partition(": ")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def _call(app: Any, environ: dict[str, Any]) -> None:
    said: list[str] = []
    answer = app(environ, lambda status, *_: said.append(status))
    body = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    if int(said[0][:3]) not in OK:
        raise LoadFailed(f"{said[0]}: {body[:300].decode(errors='replace')}")
