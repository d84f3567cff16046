"""The machine with rules that bring a referral into trouble on purpose.

Left to chance, three examples of sixty saw a share of a reward taken back, and none a takeover or a dispute won: most
orders are somebody's who was never referred, most refunds are of orders that no referral counts.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from campaigns.facts import Advance, Deliver
from campaigns.machine import TROUBLES, Campaign
from campaigns.standing import Standing
from campaigns.wishes import AMOUNTS, Moment, Order, Wish, edge_of, wishes
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

picks = st.integers(0, 7)
NEVER_LATE, LATE, TOO_LATE = timedelta(0), timedelta(days=7), timedelta(days=7, seconds=1)
# Mostly enough for the minimum of 20.00.
ENOUGH = (*AMOUNTS, 3000, 7777)


class BadDays(Campaign):
    def standings(self, *states: str) -> list[Standing]:
        return [s for s in self.oracle.world.standings.values() if s.state in states]

    def counting(self) -> list[Standing]:
        """Those that count an order: a signup alone cannot be refunded."""
        return [standing for standing in self.standings("converted", "reversed") if standing.counted]

    @precondition(lambda self: self.standings("pending", "converted", "reversed"))
    @rule(
        pick=picks,
        amount_minor=st.sampled_from(ENOUGH),
        moment=st.sampled_from(("now", "before_conversion", "before_conversion", "with_conversion", "opening")),
    )
    def purchase_that_may_count(self, pick: int, amount_minor: int, moment: Moment) -> None:
        """It converts; or it takes the conversion over; or it comes too late for that."""
        open_ones = self.standings("pending", "converted", "reversed")
        standing = open_ones[pick % len(open_ones)]
        at = self.now if moment == "now" else min(self.now, edge_of(moment, standing, self.now))
        currency = self.oracle.programs[standing.program].currency
        bought = self.wishing.qualifying(standing, at, amount_minor=amount_minor, currency=currency)
        self.tell(Deliver((bought,)))

    @precondition(lambda self: self.standings("pending", "expired"))
    @rule(
        pick=picks,
        moment=st.sampled_from(("deadline", "after_deadline", "opening", "opening", "before_opening")),
        late=st.sampled_from((NEVER_LATE, NEVER_LATE, LATE, TOO_LATE)),
    )
    def purchase_on_an_edge(self, pick: int, moment: Moment, late: timedelta) -> None:
        """At the first or last instant of a referral's window, told just in time, late or too late."""
        waiting = self.standings("pending", "expired")
        standing = waiting[pick % len(waiting)]
        at = edge_of(moment, standing, self.now)
        currency = self.oracle.programs[standing.program].currency
        bought = self.wishing.qualifying(standing, at, amount_minor=5000, currency=currency)
        # An order of the window's beginning need not wait for its end.
        arrives = at + late if "deadline" in moment else at
        if arrives > self.now:
            self.tell(Advance(arrives - self.now))
        self.tell(Deliver((bought,)))

    @precondition(lambda self: self.counting())
    @rule(
        pick=picks,
        troubles=st.lists(wishes(st.sampled_from(TROUBLES)), min_size=1, max_size=3),
        batch=st.booleans(),
    )
    def trouble(self, pick: int, troubles: list[Wish], batch: bool) -> None:
        """Refunds and disputes of the very order that a referral counts."""
        order = self._counted(pick)
        events = tuple(self.wishing.fulfil(wish, self.oracle.world, about=order) for wish in troubles)
        for told in [events] if batch else [(event,) for event in events]:
            self.tell(Deliver(told, batch=batch))

    @precondition(lambda self: self.counting())
    @rule(pick=picks, wish=wishes(st.just("dispute")), between=wishes(st.sampled_from(TROUBLES)))
    def dispute_that_ends(self, pick: int, wish: Wish, between: Wish) -> None:
        """Opened, then something else that is wrong with the order, and then won or lost."""
        order = self._counted(pick)
        opened = replace(wish, status="opened")
        ended = replace(wish, status="lost" if wish.status == "lost" else "won")
        for one in (opened, between, ended):
            self.tell(Deliver((self.wishing.fulfil(one, self.oracle.world, about=order),)))

    def _counted(self, pick: int) -> Order:
        counting = self.counting()
        orders = counting[pick % len(counting)].counted
        bought = orders[pick % len(orders)]
        return Order(bought.order_id, bought.customer, bought.amount_minor, bought.currency)
