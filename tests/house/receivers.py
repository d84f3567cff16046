"""Starts the receivers that the guide shows, each as a process of its own, in a folder as their readers make one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cli.processes import eventually, free_port
from house.source_tree import ROOT

SHOWN = ROOT / "docs" / "receivers"
NPM_SECONDS_MAX = 60
START_SECONDS_MAX = 30.0

# What composer would install for `standard-webhooks/standard-webhooks`, as far as its documentation says what it does:
# the class, `verify`, and the exception. Nothing of the library is copied.
PHP_LIBRARY = r"""<?php
namespace StandardWebhooks\Exception { class WebhookVerificationException extends \Exception {} }
namespace StandardWebhooks {
    class Webhook {
        private string $key;
        public function __construct(string $secret) {
            $this->key = base64_decode(preg_replace('/^whsec_/', '', $secret), true);
        }
        public function verify($payload, $headers) {
            foreach (['webhook-id', 'webhook-timestamp', 'webhook-signature'] as $name) {
                if (!isset($headers[$name])) {
                    throw new Exception\WebhookVerificationException("$name is missing");
                }
            }
            $timestamp = (int) $headers['webhook-timestamp'];
            if (abs(time() - $timestamp) > 300) {
                throw new Exception\WebhookVerificationException('The time is too far off');
            }
            $signed = "{$headers['webhook-id']}.$timestamp.$payload";
            $expected = base64_encode(hash_hmac('sha256', $signed, $this->key, true));
            foreach (explode(' ', $headers['webhook-signature']) as $versioned) {
                // Without a comma there is no second part: PHP warns, and hash_equals throws a TypeError.
                $parts = explode(',', $versioned, 2);
                if ($parts[0] === 'v1' && hash_equals($expected, $parts[1])) {
                    return json_decode($payload, true);
                }
            }
            throw new Exception\WebhookVerificationException('No signature matches');
        }
    }
}
"""


class Ended(Exception):
    """A receiver did not start, or ended by itself; the text is what it said."""


class Receiver:
    """One that runs: where it takes messages, and what it has said."""

    def __init__(self, url: str, log: Path, process: subprocess.Popen[bytes]) -> None:
        self.url = url
        self._log = log
        self._process = process

    def said(self, text: str) -> int:
        """Return how many of its lines end with this text."""
        return sum(line.endswith(text) for line in self.log().splitlines())

    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def runs(self) -> bool:
        return self._process.poll() is None


def python_receiver(folder: Path, port: int) -> list[str]:  # noqa: ARG001
    """The library is among the tests' own dependencies."""
    shutil.copy(SHOWN / "receive.py", folder)
    return [sys.executable, "receive.py"]


def node_receiver(folder: Path, port: int) -> list[str]:  # noqa: ARG001
    """As its reader does: npm fetches the library into the program's folder."""
    node, npm = _command("node"), _command("npm")
    shutil.copy(SHOWN / "receive.mjs", folder)
    options = ["--prefix", str(folder), "--prefer-offline", "--no-audit", "--no-fund", "--ignore-scripts"]
    # It runs `node` by its name.
    environment = {**os.environ, "PATH": os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])}
    try:
        subprocess.run(
            [npm, "install", *options, "standardwebhooks@1"],
            check=True,
            capture_output=True,
            text=True,
            timeout=NPM_SECONDS_MAX,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        pytest.skip("npm does not reach its registry, which has the library")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"npm cannot install the library: {error.stderr.strip()[-500:]}")
    return [node, "receive.mjs"]


def php_receiver(folder: Path, port: int) -> list[str]:
    """With a stand-in for the library: composer, and where it fetches from, are not everywhere that tests run."""
    php = _command("php")
    modules = subprocess.run([php, "-m"], check=True, capture_output=True, text=True).stdout.split()
    if "pdo_sqlite" not in modules:
        pytest.skip("needs PHP's pdo_sqlite (Debian: php-sqlite3)")
    shutil.copy(SHOWN / "receive.php", folder)
    (folder / "vendor").mkdir()
    (folder / "vendor" / "autoload.php").write_text(PHP_LIBRARY, encoding="utf-8")
    return [php, "-S", f"127.0.0.1:{port}", "receive.php"]


RECEIVERS: dict[str, Callable[[Path, int], list[str]]] = {
    "python": python_receiver,
    "node": node_receiver,
    "php": php_receiver,
}


@contextmanager
def running(language: str, folder: Path, *, secret: str) -> Iterator[Receiver]:
    """Run a receiver on a free port; skip the test where this machine lacks its language. Raises Ended."""
    port = free_port()
    command = RECEIVERS[language](folder, port)
    log = folder / "log"
    environment = {
        **os.environ,
        "WEBHOOK_SECRET": secret,
        "PORT": str(port),
        "DATABASE": str(folder / "received.db"),
        # PHP's own server takes several messages at once then, as any web server does.
        "PHP_CLI_SERVER_WORKERS": "4",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True)
    receiver = Receiver(f"http://127.0.0.1:{port}/hooks", log, process)
    try:
        eventually(lambda: _listens(receiver, port), within_seconds=START_SECONDS_MAX)
        yield receiver
    finally:
        if receiver.runs():
            # The whole group: PHP's server has processes of its own.
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(timeout=START_SECONDS_MAX)


def _listens(receiver: Receiver, port: int) -> bool:
    if not receiver.runs():
        raise Ended(receiver.log())
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _command(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}, which is not installed")
    return found
