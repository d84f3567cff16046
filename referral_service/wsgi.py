"""What a WSGI server loads: `granian --interface wsgi referral_service.wsgi:application`."""

from __future__ import annotations

import threading

from referral_service.app import close, create_app
from referral_service.config import load_settings
from referral_service.kit.http.access_log import configure_logging


def _close_at_the_end() -> None:
    """Flush buffered clicks and give back the database when the process ends.

    `atexit` would not do: processes of multiprocessing, as granian's are, pass it by before Python 3.13.
    """
    threading.main_thread().join()
    close(application)


_settings = load_settings()
configure_logging(_settings.log_level)
application = create_app(_settings)
threading.Thread(target=_close_at_the_end, name="closer").start()
