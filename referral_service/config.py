"""Settings, read once from the environment and never changed. A gap stops the start, and every gap is named at once."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from environs import Env, EnvValidationError, ValidationError

SECRET_LENGTH_MIN = 32
POSTGRESQL = "postgresql+psycopg://"


class ConfigurationError(Exception):
    """The environment is not fit to start with; `problems` lists every gap, a sentence each."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The service cannot start:\n" + "\n".join(f"  - {problem}" for problem in problems))


@dataclass(frozen=True, slots=True)
class Settings:
    """What the environment says. `master_keys` maps key id to secret, newest first."""

    database_url: str
    base_url: str
    master_keys: dict[str, str] = field(repr=False)
    data_dir: Path = Path("data")
    host: str = "127.0.0.1"
    port: int = 8080
    trusted_proxies: int = 0
    development: bool = False
    log_level: str = "INFO"
    rate_limits: bool = True
    redis_url: str | None = None
    # Requests at work at once in a process: below what its pool has of connections, above what fills a gathered batch.
    threads: int = 16
    clicks_kept_days: int = 90
    deliveries_kept_days: int = 90
    # Whether PgBouncer in transaction mode stands before PostgreSQL.
    pgbouncer: bool = False
    # A read replica for reports.
    replica_url: str | None = None

    @property
    def is_sqlite(self) -> bool:
        return self.database_url.startswith("sqlite")


def load_settings() -> Settings:
    """Read the settings. With the embedded default (no `REFERRAL_DATABASE_URL`) the master key is made on first start
    and kept in the data folder; any other database demands `REFERRAL_SECRET_KEYS`.

    Raises ConfigurationError, which names every gap.
    """
    env = Env(eager=False)
    problems: list[str] = []
    data_dir = Path(env.str("REFERRAL_DATA_DIR", "data"))
    url = env.str("REFERRAL_DATABASE_URL", "")
    port = env.int("PORT", 8080, validate=_port)
    host = env.str("REFERRAL_HOST", "127.0.0.1")
    text = env.str("REFERRAL_SECRET_KEYS", "").strip()
    base_url = env.str("REFERRAL_BASE_URL", "", validate=_base_url)
    proxies = env.int("REFERRAL_TRUSTED_PROXIES", 0)
    development = env.bool("REFERRAL_DEVELOPMENT", False)
    log_level = env.str("REFERRAL_LOG_LEVEL", "INFO")
    rate_limits = env.bool("REFERRAL_RATE_LIMITS", True)
    redis_url = env.str("REFERRAL_REDIS_URL", "") or None
    threads = env.int("REFERRAL_THREADS", 16)
    clicks_kept_days = env.int("REFERRAL_CLICKS_KEPT_DAYS", 90, validate=_days)
    deliveries_kept_days = env.int("REFERRAL_DELIVERIES_KEPT_DAYS", 90, validate=_days)
    pgbouncer = env.bool("REFERRAL_PGBOUNCER", False)
    replica_url = _with_driver(env.str("REFERRAL_REPLICA_URL", "")) or None
    try:
        env.seal()
    except EnvValidationError as error:
        by_name = cast(Mapping[str, list[str]], error.error_messages)
        problems += [f"{name}: {' '.join(said)}" for name, said in by_name.items()]
    embedded = not url
    problems += _beyond_one_postgresql(_with_driver(url), pgbouncer=pgbouncer, replica_url=replica_url)
    keys: dict[str, str] = {}
    if text:
        keys, said = parse_master_keys(text)
        problems += said
    elif not embedded:
        problems.append(
            "REFERRAL_SECRET_KEYS is missing. Give it as kid:secret, newest first, comma-separated; "
            f"each secret at least {SECRET_LENGTH_MIN} characters. `openssl rand -base64 32` makes one."
        )
    if problems:
        raise ConfigurationError(problems)
    if embedded:
        # What is in it is for the service alone.
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        url = f"sqlite:///{(data_dir / 'referral.db').resolve()}"
        keys = keys or _kept_master_keys(data_dir / "secret_keys")
    return Settings(
        database_url=_with_driver(url),
        base_url=(base_url or f"http://127.0.0.1:{port}").rstrip("/"),
        master_keys=keys,
        data_dir=data_dir,
        host=host,
        port=port,
        trusted_proxies=proxies,
        development=development,
        log_level=log_level.upper(),
        rate_limits=rate_limits,
        redis_url=redis_url,
        threads=threads,
        clicks_kept_days=clicks_kept_days,
        deliveries_kept_days=deliveries_kept_days,
        pgbouncer=pgbouncer,
        replica_url=replica_url,
    )


def parse_master_keys(text: str) -> tuple[dict[str, str], list[str]]:
    """Read `kid:secret,kid:secret`; gives the keys and a sentence for each thing that is wrong."""
    keys: dict[str, str] = {}
    problems: list[str] = []
    for position, part in enumerate(text.split(","), start=1):
        kid, separator, secret = part.strip().partition(":")
        if not separator or not re.fullmatch(r"[A-Za-z0-9_-]{1,16}", kid):
            problems.append(f"REFERRAL_SECRET_KEYS: entry {position} is not of the form kid:secret.")
        elif len(secret) < SECRET_LENGTH_MIN:
            problems.append(
                f"REFERRAL_SECRET_KEYS: the secret of {kid} has {len(secret)} characters; "
                f"at least {SECRET_LENGTH_MIN} are needed."
            )
        elif len(set(secret)) < 8:
            problems.append(f"REFERRAL_SECRET_KEYS: the secret of {kid} repeats too few characters to be random.")
        elif kid in keys:
            problems.append(f"REFERRAL_SECRET_KEYS: the key id {kid} appears twice.")
        else:
            keys[kid] = secret
    return keys, problems


def _kept_master_keys(path: Path) -> dict[str, str]:
    if not path.exists():
        # Two processes may start at once: the one whose link succeeds made the key, the other reads it.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(f"k1:{secrets.token_urlsafe(48)}\n")
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    keys, problems = parse_master_keys(path.read_text())
    if problems:
        raise ConfigurationError([f"{path}: {problem}" for problem in problems])
    return keys


def _beyond_one_postgresql(url: str, *, pgbouncer: bool, replica_url: str | None) -> list[str]:
    """Say a sentence for each setting that only a PostgreSQL can have."""
    problems = []
    if pgbouncer and not url.startswith(POSTGRESQL):
        problems.append("REFERRAL_PGBOUNCER is for PostgreSQL: REFERRAL_DATABASE_URL names none.")
    if replica_url is not None:
        if not url.startswith(POSTGRESQL):
            problems.append("REFERRAL_REPLICA_URL is for PostgreSQL: REFERRAL_DATABASE_URL names none.")
        if not replica_url.startswith(POSTGRESQL):
            problems.append("REFERRAL_REPLICA_URL: must be an address such as postgresql://user:password@host/name.")
    return problems


def _with_driver(url: str) -> str:
    """`postgres://` and `postgresql://` mean psycopg 3."""
    return re.sub(r"^postgres(ql)?://", POSTGRESQL, url)


def _port(value: int) -> None:
    if not 1 <= value <= 65535:
        raise ValidationError("must be a port between 1 and 65535.")


def _days(value: int) -> None:
    if not 1 <= value <= 36_500:
        raise ValidationError("must be a number of days from 1 to 36500.")


def _base_url(value: str) -> None:
    parts = urlsplit(value)
    if value and (parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment):
        raise ValidationError("must be an address such as https://refer.example.com, without query or fragment.")
