"""The terms of many versions at once, as values; kept in memory, since a version never changes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from threading import Lock
from typing import TypeAlias
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, event, select, tuple_
from sqlalchemy.orm import Session

from referral_service.programs.models import ProgramVersion
from referral_service.programs.terms.document import Terms

KEPT_MAX = 1024
_UNCOMMITTED = "uncommitted_program_versions"

VersionKey: TypeAlias = tuple[str, int]


class _Kept:
    """The terms of one engine's versions, the least recently used leaving first. Threads share it."""

    def __init__(self) -> None:
        self._terms: OrderedDict[tuple[int, str, int], Terms] = OrderedDict()
        self._lock = Lock()

    def find(self, app_id: int, versions: Iterable[VersionKey]) -> dict[VersionKey, Terms]:
        found: dict[VersionKey, Terms] = {}
        with self._lock:
            for version in versions:
                terms = self._terms.get((app_id, *version))
                if terms is not None:
                    self._terms.move_to_end((app_id, *version))
                    found[version] = terms
        return found

    def keep(self, app_id: int, loaded: Mapping[VersionKey, Terms]) -> None:
        with self._lock:
            for version, terms in loaded.items():
                self._terms[(app_id, *version)] = terms
                self._terms.move_to_end((app_id, *version))
            while len(self._terms) > KEPT_MAX:
                self._terms.popitem(last=False)


# By engine, so that two databases in one process never share, and what a closed one left goes with it.
_kept: WeakKeyDictionary[Engine, _Kept] = WeakKeyDictionary()
_making = Lock()


@event.listens_for(Engine, "engine_disposed")
def _forget(engine: Engine) -> None:
    """Once its connections are given back, the same address may lead to another database, such as a restored one."""
    _kept.pop(engine, None)


def terms_of(session: Session, *, app_id: int, versions: Iterable[VersionKey]) -> dict[VersionKey, Terms]:
    """Return the terms of each (program id, version) of the app; unknown ones are left out.

    One query for those that are not in memory, none where all are.
    """
    wanted = set(versions)
    kept = _kept_for(session)
    found = kept.find(app_id, wanted)
    missing = sorted(wanted - found.keys())
    if not missing:
        return found
    rows = session.execute(
        select(ProgramVersion.program_id, ProgramVersion.version, ProgramVersion.terms).where(
            ProgramVersion.app_id == app_id,
            tuple_(ProgramVersion.program_id, ProgramVersion.version).in_(missing),
        )
    )
    loaded = {(row.program_id, row.version): Terms.from_document(row.terms) for row in rows}
    made_here: set[VersionKey] = session.info.get(_UNCOMMITTED, set())
    kept.keep(app_id, {version: terms for version, terms in loaded.items() if version not in made_here})
    return found | loaded


def note_new_version(session: Session, *, program_id: str, version: int) -> None:
    """Say that this transaction makes a version. Until it has committed, the number may yet mean other terms."""
    session.info.setdefault(_UNCOMMITTED, set()).add((program_id, version))


def _kept_for(session: Session) -> _Kept:
    engine = session.get_bind().engine
    kept = _kept.get(engine)
    if kept is None:
        with _making:
            kept = _kept.setdefault(engine, _Kept())
    return kept
