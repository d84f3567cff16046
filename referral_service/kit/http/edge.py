"""The edge of a view: one transaction, committed once, and the Idempotency-Key that belongs to it.

    @blueprint.post("/v1/things")
    @requires(Scope.WRITE)
    @in_transaction
    @blueprint.arguments(ThingSchema)
    @blueprint.response(201, ThingSchema)
    def make(session: Session, body: dict[str, Any]) -> Thing: ...

The view may run more than once: a deadlock is tried again. What it does outside the database belongs into
`after_commit`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from functools import wraps
from typing import Any, TypeVar, overload

from flask import Response, current_app, g, request
from sqlalchemy.orm import Session

from referral_service.kit.db.engines import Database
from referral_service.kit.db.sessions import after_commit
from referral_service.kit.http import idempotency
from referral_service.kit.http.caller import Caller, find_caller
from referral_service.kit.http.idempotency import Answer
from referral_service.kit.http.ingress.joint import joint as declare_joint
from referral_service.kit.http.limits import Limit, client_address
from referral_service.kit.http.parsing import Reader, parser
from referral_service.kit.http.wiring import Service, service

__all__ = [
    "Service",
    "after_commit",
    "answer_concerns",
    "in_late_reading",
    "in_own_transactions",
    "in_reading",
    "in_transaction",
    "limited_by_address",
    "service",
]

View = TypeVar("View", bound=Callable[..., Any])
# A view as Flask calls it: without a session, and with a response to send.
Answering = Callable[..., Response]
_HEADERS_KEPT = ("Content-Type", "Location")


@overload
def in_transaction(view: Callable[..., Any]) -> Answering: ...
@overload
def in_transaction(*, idempotency: bool = True, joint: bool = False) -> Callable[[Callable[..., Any]], Answering]: ...
def in_transaction(view: Any = None, *, idempotency: bool = True, joint: bool = False) -> Any:
    """Run the view in one transaction; its first argument is the session. What it returns is committed, what it
    raises rolls everything back.

    A POST honours Idempotency-Key, unless `idempotency` is False: for views whose calls carry a business key. A
    `joint` one is given None as its session where no key was sent, and hands what it does to a `JointWork`, whose
    transaction has ended when it goes on: there is no answer that would have to be kept with it.
    """

    def decorator(view: Callable[..., Any]) -> Answering:
        readers: tuple[Reader, ...] = getattr(view, "readers", ())

        @wraps(view)
        def transacted(**path: Any) -> Response:
            parser.read_ahead(readers)
            if idempotency and request.method == "POST":
                return _answer_once(view, path, joint=joint)
            return service().database.transact(lambda session: _run(view, session, path))

        if idempotency:
            transacted.honours_idempotency_key = True  # type: ignore[attr-defined]
        return declare_joint(transacted) if joint else transacted

    return decorator if view is None else decorator(view)


def in_reading(view: Callable[..., Any]) -> Answering:
    """Run the view on a read-only snapshot; its first argument is the session."""
    return _reading(view, lambda database: database.read)


def in_late_reading(view: Callable[..., Any]) -> Answering:
    """The same on a snapshot that may be some seconds old: of the read replica, where there is one. For reports."""
    return _reading(view, lambda database: database.read_late)


def _reading(view: Callable[..., Any], way: Callable[[Database], Callable[..., Response]]) -> Answering:
    readers: tuple[Reader, ...] = getattr(view, "readers", ())

    @wraps(view)
    def reading(**path: Any) -> Response:
        parser.read_ahead(readers)
        return way(service().database)(lambda session: _run(view, session, path))

    return reading


def in_own_transactions(view: Callable[..., Any]) -> Answering:
    """Let the view open transactions itself, by `service().database`: for calls whose parts must not spoil each other.

    There is no one transaction that could hold an answer, so Idempotency-Key is not honoured: to repeat such a call
    must be harmless by itself.
    """
    readers: tuple[Reader, ...] = getattr(view, "readers", ())

    @wraps(view)
    def answering(**path: Any) -> Response:
        parser.read_ahead(readers)
        return current_app.make_response(view(**path))

    return answering


def limited_by_address(limit: Limit) -> Callable[[View], View]:
    """Count calls of a public view by the caller's address."""

    def decorator(view: View) -> View:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Any:
            service().limits.charge(limit, client_address())
            return view(*args, **kwargs)

        counted.rate_limited = True  # type: ignore[attr-defined]
        return counted  # type: ignore[return-value]

    return decorator


def answer_concerns(customer_id: str) -> None:
    """Say whose personal data the answer may carry (`cus_…`), so that erasure finds the kept one."""
    g.answer_concerns = customer_id


def _run(view: Callable[..., Any], session: Session | None, path: dict[str, Any]) -> Response:
    # Made here, so that nothing is loaded, dumped or found wrong after the transaction has ended (but a joint one).
    return current_app.make_response(view(session, **path))


def _answer_once(view: Callable[..., Any], path: dict[str, Any], *, joint: bool) -> Response:
    wired = service()
    key, caller = idempotency.key_of(request), find_caller()
    if key is None or caller is None:
        if joint:
            return _run(view, None, path)
        return wired.database.transact(lambda session: _run(view, session, path))
    request_hash = idempotency.hash_of(request)

    def work(session: Session) -> Response:
        now = wired.clock.now()
        kept = wired.answers.begin(session, caller=caller, key=key, request_hash=request_hash, now=now)
        if kept is not None:
            return _replayed(kept)
        response = _run(view, session, path)
        _keep(session, wired, caller, key, response)
        return response

    with wired.in_flight.alone(caller, key) if wired.database.is_sqlite else nullcontext():
        return wired.database.transact(work)


def _keep(session: Session, wired: Service, caller: Caller, key: str, response: Response) -> None:
    headers = {name: response.headers[name] for name in _HEADERS_KEPT if name in response.headers}
    wired.answers.keep(
        session,
        caller=caller,
        key=key,
        answer=Answer(response.status_code, headers, response.get_data()),
        concerns=g.get("answer_concerns"),
        now=wired.clock.now(),
    )


def _replayed(kept: Answer) -> Response:
    response = Response(kept.body, status=kept.status, headers=kept.headers)
    response.headers["Idempotency-Replayed"] = "true"
    return response
