"""The machine with rules for whole programs: custom events, offers, spending, coupons, and what people decide."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from campaigns.bad_days import BadDays
from campaigns.facts import Deliver, Govern, Handle, Reject, Spend, UseCoupon
from campaigns.lives import Grant
from campaigns.machine import PAIRS, Stage
from campaigns.wishes import AMOUNTS, Wish, wishes
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

picks = st.integers(0, 11)
TYPES = ("signup", "task")
Deed = Literal["accept", "fulfil", "void"]


class WholeDays(BadDays):
    def grants(self, *states: str) -> list[Grant]:
        return [grant for grant in self.oracle.world.grants.values() if grant.state in states]

    @property
    def whole(self) -> bool:
        """Whether anything but the plain first purchase is asked for here."""
        return any(name.partition("-")[0] not in ("held", "prompt", "mixed", "euro") for name in self.names)

    # -- custom events ----------------------------------------------------------------------------------

    @precondition(lambda self: self.whole)
    @rule(wish=wishes(st.just("purchase")), kind=st.sampled_from(TYPES), with_amount=st.booleans())
    def happening(self, wish: Wish, kind: str, with_amount: bool) -> None:
        event = self.wishing.happening(wish, self.oracle.world, kind=kind, with_amount=with_amount)
        self.tell(Deliver((event,)))

    @precondition(lambda self: self.whole)
    @rule(wish=wishes(st.just("purchase")), first=st.sampled_from(("gift", "gift", "all")), days=st.integers(0, 2))
    def purchases_of_gifts(self, wish: Wish, first: str, days: int) -> None:
        """Two purchases, with lines that some programs leave out, on one day or on two."""
        for event in self.wishing.with_gifts(wish, self.oracle.world, first=first, days=days):
            self.tell(Deliver((event,)))

    # -- rewards by hand --------------------------------------------------------------------------------

    @precondition(lambda self: self.whole and self.grants("offered", "available", "pending"))
    @rule(pick=picks, wrong=st.sampled_from((False, False, False, True)))
    def handle(self, pick: int, wrong: bool) -> None:
        """What it waits for, mostly: an offer to be accepted, a custom reward to be handed over."""
        waiting = self.grants("offered") or [g for g in self.grants("available") if g.give.kind == "custom"]
        found = waiting if waiting and not wrong else self.grants("offered", "available", "pending")
        grant = found[pick % len(found)]
        deed: Deed = "accept" if grant.state == "offered" else "fulfil"
        self.tell(Handle("void" if grant.state == "pending" else deed, grant.name))

    @precondition(lambda self: self.whole and self.grants("available"))
    @rule(pick=picks, part=st.sampled_from((1, 2, 3, 3)), more=st.sampled_from((0, 0, 0, 1)))
    def spend(self, pick: int, part: int, more: int) -> None:
        """All of it, a part of it, or a little more than there is."""
        wallets = [(place, w.available) for place, w in self.oracle.world.wallets.items() if w.available > 0]
        if wallets:
            (customer, unit), available = wallets[pick % len(wallets)]
            amount = available + more if more or part == 1 else max(1, available // part)
            self.tell(Spend(customer, unit, amount, f"spent {len(self.log)}"))

    @precondition(lambda self: any(grant.coupon for grant in self.oracle.world.grants.values()))
    @rule(pick=picks, order=picks, amount_minor=st.sampled_from(AMOUNTS), back=st.sampled_from((0, 0, 1, 2)))
    def coupon(self, pick: int, order: int, amount_minor: int, back: int) -> None:
        """On an order of its owner, new or known; and sometimes it is refunded afterwards, in part or whole."""
        grants = [grant for grant in self.oracle.world.grants.values() if grant.coupon is not None]
        grant = grants[pick % len(grants)]
        owner = grant.name.recipient
        bought = self.wishing.order_of(owner, self.oracle.world, pick=order, amount_minor=amount_minor)
        self.tell(Deliver((bought,)))
        self.tell(UseCoupon(grant.name, bought.order_id))
        if back:
            part = bought.amount_minor * back // 2
            self.tell(Deliver((self.wishing.cancelled(bought, part, self.oracle.world),)))

    # -- decisions --------------------------------------------------------------------------------------

    @precondition(lambda self: self.whole and self.standings("pending", "converted"))
    @rule(pick=picks)
    def reject(self, pick: int) -> None:
        found = self.standings("pending", "converted")
        standing = found[pick % len(found)]
        if standing.state == "pending" or pick % 2:
            self.tell(Reject(standing.program, standing.referee))

    @precondition(lambda self: self.whole)
    @rule(program=st.integers(0, 1), deed=st.sampled_from(("pause", "activate", "activate", "archive")), sure=picks)
    def govern(self, program: int, deed: Literal["pause", "activate", "archive"], sure: int) -> None:
        name = self.names[program]
        status = self.oracle.world.status.get(name, "active")
        possible = {"active": ("pause", "archive"), "paused": ("activate", "archive")}
        if deed in possible.get(status, ()) and (deed != "archive" or sure > 8):
            self.tell(Govern(name, deed))


def machine_for(stage: Stage, pairs: Sequence[tuple[str, str]] = PAIRS) -> type[WholeDays]:
    return type("CampaignOf" + type(stage).__name__, (WholeDays,), {"stage": stage, "pairs": pairs})
