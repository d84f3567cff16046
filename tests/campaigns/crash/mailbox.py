"""What receivers have got. It lies outside of the process and its database: who dies takes nothing of it along."""

from __future__ import annotations

import atexit
import os
import tempfile
from collections import Counter
from pathlib import Path


class Mailbox:
    """A line for each message that was taken; the file is gone with the process that made it."""

    def __init__(self) -> None:
        number, name = tempfile.mkstemp(prefix="mailbox-")
        os.close(number)
        self._path = Path(name)
        # Children end without this.
        atexit.register(self._path.unlink, missing_ok=True)

    def clear(self) -> None:
        self._path.write_text("")

    def put(self, url: str, notification_id: str) -> int:
        """Put a message in; gives how many times it is there now."""
        with self._path.open("a") as file:
            file.write(f"{url} {notification_id}\n")
        return self._all()[url, notification_id]

    def ids(self, url: str) -> set[str]:
        return {notification_id for there, notification_id in self._all() if there == url}

    def _all(self) -> Counter[tuple[str, str]]:
        lines = (line.split(" ") for line in self._path.read_text().splitlines())
        return Counter((url, notification_id) for url, notification_id in lines)
