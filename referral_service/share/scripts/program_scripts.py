"""The scripts by program, out of memory for most visits."""

from __future__ import annotations

from referral_service.kit.db.engines import Database
from referral_service.kit.ttl_cache import TtlCache
from referral_service.share.scripts.render import Script, render
from referral_service.share.scripts.settings import ScriptSettings, script_settings

# How long a change of the program may take to reach this process; browsers keep the script for longer.
KEPT_SECONDS = 5.0
PROGRAMS_MAX = 10_000


class ProgramScripts:
    """Finds a program's scripts: no query within five seconds of the last one for the same program."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: TtlCache[str, ScriptSettings | None] = TtlCache(entries_max=PROGRAMS_MAX, ttl_seconds=KEPT_SECONDS)

    def find(self, name: str, *, program_id: str) -> Script | None:
        """Return `attribution.js` or `widget.js`, or None where there is no such program."""

        def load() -> ScriptSettings | None:
            return self._database.read(lambda session: script_settings(session, program_id=program_id))

        settings = self._cache.get_or_load(program_id, load)
        if settings is not None and not settings.is_live:
            # Whoever tries a program out wants to see what he has just changed.
            settings = load()
        return None if settings is None else render(name, settings)
