"""Limits on pages: a person who is too fast gets a page, and not a problem document."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from referral_service.kit.errors import RateLimited
from referral_service.kit.http.edge import service
from referral_service.kit.http.limits import Limit, client_address
from referral_service.share.pages.page import choose_language, show_notice

View = TypeVar("View", bound=Callable[..., Any])


def limited_page(limit: Limit) -> Callable[[View], View]:
    """Count calls of a public page by the caller's address."""

    def decorator(view: View) -> View:
        @wraps(view)
        def counted(*args: Any, **kwargs: Any) -> Any:
            try:
                service().limits.charge(limit, client_address())
            except RateLimited as refused:
                choose_language()
                page = show_notice("too_many", status=RateLimited.status)
                page.headers["Retry-After"] = str(refused.facts["retry_after_seconds"])
                return page
            return view(*args, **kwargs)

        counted.rate_limited = True  # type: ignore[attr-defined]
        return counted  # type: ignore[return-value]

    return decorator
