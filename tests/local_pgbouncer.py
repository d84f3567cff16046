"""A real PgBouncer in transaction mode before the tests' PostgreSQL, for `--pgbouncer`. Debian has it: `pgbouncer`."""

from __future__ import annotations

import atexit
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from sqlalchemy.engine import URL

# Debian puts servers where not everybody's PATH leads.
PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
READY_SECONDS_MAX = 10
# Fewer than the service's threads and workers hold open: whoever relied on a connection of its own would be found out.
SERVER_CONNECTIONS = 4
PORT = 6432

CONFIGURATION = """
[databases]
* = host={server}
[pgbouncer]
listen_addr =
listen_port = {port}
unix_socket_dir = {folder}
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 200
server_reset_query =
log_connections = 0
log_disconnections = 0
logfile = {folder}/log
"""


def start_pgbouncer(database: URL) -> URL:
    """Start a pooler before this database's server, on a unix socket, and give the database's address through it.

    It ends with the process. Clients are believed (`auth_type = any`), and all become the server's own user.
    """
    if PROGRAM is None:
        raise RuntimeError("There is no pgbouncer on this machine (Debian: apt install pgbouncer).")
    server = Path(str(database.query["host"]))
    folder = Path(tempfile.mkdtemp(prefix="rs-pgb-"))
    settings = folder / "pgbouncer.ini"
    configuration = CONFIGURATION.format(
        server=f"{server} user={database.username}", folder=folder, port=PORT, connections=SERVER_CONNECTIONS
    )
    settings.write_text(configuration)
    command = [PROGRAM, "-q", str(settings)]
    if os.geteuid() == 0:
        # It refuses to run as root; whoever owns the server's folder may open its socket.
        owner = server.stat()
        for path in (folder, settings):
            os.chown(path, owner.st_uid, owner.st_gid)
        command[1:1] = ["-u", pwd.getpwuid(owner.st_uid).pw_name]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(process.wait)
    atexit.register(process.terminate)
    _wait_for(folder / f".s.PGSQL.{PORT}", process)
    return database.update_query_dict({"host": str(folder), "port": str(PORT)})


def _wait_for(path: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS_MAX
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_UNIX) as probe:
            if probe.connect_ex(str(path)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"PgBouncer did not come up: {(path.parent / 'log').read_text()}")
