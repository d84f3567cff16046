"""What a first start lays on the table: an operator's key, and a shop with a program to try things out in."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy.orm import Session

from referral_service.cli.opening import ACTOR, Opened
from referral_service.cli.serving import local_url
from referral_service.codes.issue_codes import issue_code
from referral_service.codes.links import links_of
from referral_service.codes.signed_code import sign_code
from referral_service.config import Settings
from referral_service.customers.emails import Emails
from referral_service.customers.profile import Profile
from referral_service.customers.put_customer import put_customer
from referral_service.programs.activate_program import activate_program
from referral_service.programs.create_program import create_program
from referral_service.programs.load_recipe import load_recipe
from referral_service.share.mint_token import mint_token
from referral_service.share.tokens import LIFETIME_SECONDS_MAX
from referral_service.signing.key_ring import KeyRing
from referral_service.tenants.create_key import create_operator_key
from referral_service.tenants.list_apps import list_apps
from referral_service.tenants.open_app import open_app
from referral_service.tenants.tenant import TEST

APP_NAME, RECIPE, VANITY = "Demo shop", "ride-credit", "ALICE20"
ALICE = Profile(email="alice@example.com", display_name="Alice")
_FACTS, _KEY = "demo.json", "demo_key"


@dataclass(frozen=True, slots=True)
class Demo:
    """The demo's names; nothing here is secret but Alice's own page."""

    app_id: str
    program_id: str
    code: str
    signed_code: str
    # Whoever holds it sees Alice's page; a demo of before there were such pages has none.
    share_token: str | None = None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is shown at the first start only."""

    operator_key: str
    api_key: str


def key_file(settings: Settings) -> Path:
    """Return where the demo shop's key is kept, readable for this user alone."""
    return (settings.data_dir / _KEY).resolve()


def prepare_demo(found: Opened) -> tuple[Demo | None, Secrets | None]:
    """Make the demo where there is no app at all yet; return it, and its secrets if it was made just now.

    None stands for a database that others filled, or whose data folder is not this one.
    """
    if found.read(lambda session: list_apps(session, after=None, limit=1)):
        return _remembered(found.settings), None
    demo, secrets = _make(found)
    _remember(found.settings, demo, secrets)
    return demo, secrets


def share_url(settings: Settings, demo: Demo) -> str:
    """Return Alice's link, at the address that the service has today."""
    return links_of(settings.base_url, demo.signed_code).share_url


def pages(settings: Settings, demo: Demo) -> dict[str, str]:
    """Return the addresses of the pages to look at, by what they are."""
    found = {"Invitation": links_of(settings.base_url, demo.signed_code).invite_url}
    return found if demo.share_token is None else found | {"Her page": f"{settings.base_url}/me/{demo.share_token}"}


def curl_lines(settings: Settings, demo: Demo) -> list[str]:
    """Return shell lines that play the journey. They name the file that holds the key, not the key itself."""
    claim = orjson.dumps({"code": demo.code, "referee": {"customer_id": "bob"}}).decode()
    # The time is put in by the shell that runs the line, for a purchase must not lie in the future.
    purchase = (
        '{"id":"e-1","type":"purchase","customer_id":"bob","order_id":"o-1",'
        '"amount":{"amount_minor":1800,"currency":"USD"},"occurred_at":"\'$(date -u +%Y-%m-%dT%H:%M:%SZ)\'"}'
    )
    return [
        f"URL={local_url(settings)}",
        f'AUTH="Authorization: Bearer $(cat {shlex.quote(str(key_file(settings)))})"',
        "JSON='Content-Type: application/json'",
        f"""curl -sS -w '\\n' "$URL/v1/referrals" -H "$AUTH" -H "$JSON" -d '{claim}'""",
        f"""curl -sS -w '\\n' "$URL/v1/events" -H "$AUTH" -H "$JSON" -d '{purchase}'""",
        """REFERRAL=$(curl -sS "$URL/v1/referrals?referee=bob" -H "$AUTH" | grep -o 'ref_[0-9a-z]*' | head -n 1)""",
        """curl -sS -w '\\n' "$URL/v1/referrals/$REFERRAL/explain" -H "$AUTH\"""",
        """curl -sS -w '\\n' "$URL/v1/customers/alice/balances" -H "$AUTH\"""",
    ]


def _make(found: Opened) -> tuple[Demo, Secrets]:
    now = found.clock.now()
    key_ring = KeyRing(found.database, found.sealer, found.clock)
    emails = Emails(key_ring.email_index_key())
    recipe = load_recipe(RECIPE, now=now)

    def work(session: Session) -> tuple[Demo, Secrets]:
        operator = create_operator_key(session, name="Made at the first start", actor=ACTOR, now=now)
        opened = open_app(session, name=APP_NAME, mode=TEST, actor=ACTOR, now=now)
        app_id = opened.tenant.app_id
        made = create_program(
            session, app_id=app_id, **recipe, development=found.settings.development, actor=ACTOR, now=now
        )
        activate_program(session, app_id=app_id, program_id=made["id"], actor=ACTOR, now=now)
        put_customer(
            session,
            found.sealer,
            emails,
            app_id=app_id,
            external_id="alice",
            profile=ALICE,
            locale=None,
            leaderboard_opt_in=True,
            invite_name_opt_in=True,
            attributes={},
            now=now,
        )
        code, _ = issue_code(
            session, app_id=app_id, program_id=made["id"], customer_external_id="alice", vanity=VANITY, now=now
        )
        signed = sign_code(key_ring, folded=code.folded, app_id=app_id)
        page = mint_token(
            session,
            key_ring,
            app_id=app_id,
            external_id="alice",
            program_id=made["id"],
            lifetime_seconds=LIFETIME_SECONDS_MAX,
            now=now,
        )
        demo = Demo(opened.tenant.public_id, made["id"], code.text, signed, page.token)
        return demo, Secrets(operator.secret, opened.key.secret)

    return found.transact(work)


def _remembered(settings: Settings) -> Demo | None:
    path = settings.data_dir / _FACTS
    if not path.exists() or not key_file(settings).exists():
        return None
    facts: dict[str, Any] = orjson.loads(path.read_bytes())
    return Demo(**facts)


def _remember(settings: Settings, demo: Demo, secrets: Secrets) -> None:
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    _write_private(settings.data_dir / _FACTS, orjson.dumps(asdict(demo)))
    _write_private(settings.data_dir / _KEY, secrets.api_key.encode())


def _write_private(path: Path, content: bytes) -> None:
    # A file that is there already keeps its mode, so it goes first.
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
