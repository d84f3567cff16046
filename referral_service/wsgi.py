"""What a WSGI server loads: `granian --interface wsgi referral_service.wsgi:application`."""

from __future__ import annotations

import atexit

from referral_service.app import close, create_app
from referral_service.config import load_settings
from referral_service.kit.http.access_log import configure_logging

_settings = load_settings()
configure_logging(_settings.log_level)
application = create_app(_settings)
atexit.register(close, application)
