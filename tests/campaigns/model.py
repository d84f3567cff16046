"""An independent model of one app: the oracle of campaigns 1 and 7 (SAFETY.md), from PRODUCT.md alone.

It takes the log of what was told to the service, in arrival order, and folds it into what PRODUCT.md
promises. Whoever writes it has not read the engine, so that a rule misread once is not misread twice.

Where PRODUCT.md leaves a result open, a `Reading` names each possible answer. A service must agree with one
and the same reading from its first answer to its last; it may not change its mind between two histories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from campaigns.facts import (
    Advance,
    Claim,
    Click,
    Deliver,
    Dispute,
    Enrol,
    Entry,
    Event,
    Purchase,
    RewardTerms,
    Terms,
    business_key,
    email_canon,
    half_up,
    is_valid,
)
from campaigns.pictures import (
    ClaimVerdict,
    EventVerdict,
    Picture,
    Reading,
    ReferralPicture,
    RewardPicture,
    Verdict,
)

# "refused in the API": more than a minute ahead of the app's time.
FUTURE_TOLERANCE = timedelta(seconds=60)
# "`expired` -> `converted` once, for a purchase that ... arrives within 7 days after the deadline".
LATE_ARRIVAL = timedelta(days=7)


class OutOfOrder(Exception):
    """This story cannot have happened: something that it needs was left out."""


@dataclass(slots=True)
class Holding:
    """One reward of one referral. `taken` is what has been reversed."""

    granted: int
    taken: int
    released: bool = False


@dataclass(slots=True)
class Standing:
    """One accepted claim and what became of it."""

    program: str
    referrer: str
    referee: str
    opens_at: datetime
    deadline: datetime
    state: str = "pending"
    conversion: Purchase | None = None
    # It has become known that the referee had bought before; `conversion` is reversed for good.
    refused: bool = False
    reasons: frozenset[str] | None = None
    holdings: dict[str, Holding] = field(default_factory=dict)

    @property
    def frozen(self) -> bool:
        """After release nothing moves; released means that a conversion reward has been available, ever."""
        return any(holding.released for holding in self.holdings.values())


class World:
    """The fold of one log under one reading."""

    def __init__(self, *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None) -> None:
        self.programs = dict(programs)
        self.now = now
        self.reading = reading or Reading()
        self.emails: dict[str, str | None] = {}
        self.standings: dict[tuple[str, str], Standing] = {}
        # Refused claims, one for each code; and claims that were accepted, each a row that outlives them.
        self.refused: dict[tuple[str, str, str], frozenset[str]] = {}
        self.undone: list[tuple[str, str, str]] = []
        self.purchases: dict[str, Purchase] = {}
        self.cumulative: dict[str, int] = {}
        self.singles: dict[str, dict[str, int]] = {}
        self.disputes: dict[str, dict[str | None, set[str]]] = {}
        self.seen_events: set[str] = set()
        self.seen_facts: set[tuple[object, ...]] = set()

    def tell(self, entry: Entry) -> Verdict:
        if isinstance(entry, Enrol):
            self.emails[entry.customer] = entry.email
            return None
        if isinstance(entry, Click):
            if entry.at != self.now:
                raise OutOfOrder("A click cannot be back-dated.")
            return None
        if isinstance(entry, Claim):
            return self._claim(entry)
        if isinstance(entry, Deliver):
            return self._deliver(entry)
        assert isinstance(entry, Advance)
        self.now += entry.by
        for standing in list(self.standings.values()):
            self._settle(standing, worker=True)
        return None

    # -- claims ------------------------------------------------------------------------------------

    def _claim(self, claim: Claim) -> ClaimVerdict:
        terms = self.programs[claim.program]
        claimed_at = claim.at or self.now
        if claimed_at > self.now + FUTURE_TOLERANCE:
            return ClaimVerdict("invalid")
        valid = [touch for touch in claim.touches if is_valid(touch, claimed_at=claimed_at, terms=terms)]
        standing = self.standings.get((claim.program, claim.referee))
        if not valid:
            # Its clicks have grown old since it was accepted: the same claim again, or no evidence any more.
            stale = standing is not None and any(touch.clicked_at is not None for touch in claim.touches)
            return ClaimVerdict("stale" if stale else "bad_code")
        referrer = valid[0 if terms.touch == "first" else -1].referrer
        assert referrer is not None
        if standing is not None and standing.referrer == referrer:
            return ClaimVerdict("repeated")
        # The window opens at the first valid click, but at most `late_claim_days` before the claim.
        opens_at = claimed_at - timedelta(days=terms.late_claim_days)
        opens_at = max([opens_at, *sorted(t.clicked_at for t in valid if t.clicked_at is not None)[:1]])
        # Several reasons at once: PRODUCT.md gives no order among them, so any of them may be told.
        reasons = set()
        if self._same_person(referrer, claim.referee):
            reasons.add("self_referral")
        if standing is not None:
            reasons.add("already_referred")
        if terms.referee_is_new and self._bought_before(claim.referee, opens_at, terms=terms):
            reasons.add("not_new")
        if reasons:
            self.refused[claim.program, claim.referee, referrer] = frozenset(reasons)
            return ClaimVerdict("refused", frozenset(reasons))
        deadline = claimed_at + timedelta(days=terms.within_days)
        standing = Standing(claim.program, referrer, claim.referee, opens_at, deadline)
        self.standings[claim.program, claim.referee] = standing
        self._settle(standing)
        return ClaimVerdict("accepted")

    def _same_person(self, referrer: str, referee: str) -> bool:
        canon = email_canon(self.emails.get(referrer))
        return referrer == referee or (canon is not None and canon == email_canon(self.emails.get(referee)))

    def _bought_before(self, customer: str, moment: datetime, *, terms: Terms) -> bool:
        return any(
            bought.occurred_at < moment
            for bought in self._purchases_of(customer)
            if bought.currency == terms.currency or self.reading.foreign_purchase_counts_as_bought
        )

    def _purchases_of(self, customer: str) -> Iterator[Purchase]:
        return (bought for bought in self.purchases.values() if bought.customer == customer)

    # -- events ------------------------------------------------------------------------------------

    def _deliver(self, delivery: Deliver) -> tuple[EventVerdict, ...]:
        at_once = not delivery.batch or self.reading.batch_is_serial
        verdicts = []
        for event in delivery.events:
            kind = self._record(event)
            before = {key: standing.state for key, standing in self.standings.items()}
            if kind == "new" and at_once:
                self._settle_order(event.order_id)
            outcome = _outcome(before, self.standings) if kind == "new" and not delivery.batch else None
            verdicts.append(EventVerdict(kind, outcome))
        if not at_once:
            for order_id in {event.order_id for event in delivery.events}:
                self._settle_order(order_id)
        return tuple(verdicts)

    def _record(self, event: Event) -> Literal["invalid", "duplicate", "new"]:
        if event.event_id in self.seen_events:
            return "duplicate"
        if event.occurred_at > self.now + FUTURE_TOLERANCE:
            return "invalid"
        self.seen_events.add(event.event_id)
        fact = business_key(event)
        if fact in self.seen_facts:
            return "duplicate"
        self.seen_facts.add(fact)
        order = event.order_id
        if isinstance(event, Purchase):
            self.purchases[order] = event
        elif isinstance(event, Dispute):
            self.disputes.setdefault(order, {}).setdefault(event.dispute_id, set()).add(event.status)
        elif event.refund_id is None:
            self.cumulative[order] = max(self.cumulative.get(order, 0), event.amount_minor)
        else:
            self.singles.setdefault(order, {})[event.refund_id] = event.amount_minor
        return "new"

    def _settle_order(self, order_id: str) -> None:
        bought = self.purchases.get(order_id)
        for standing in list(self.standings.values()):
            if bought is not None and standing.referee == bought.customer:
                self._settle(standing)

    # -- one referral ------------------------------------------------------------------------------

    def _settle(self, standing: Standing, *, worker: bool = False) -> None:
        amended = False
        if not standing.frozen:
            earlier = standing.conversion
            self._choose(standing)
            amended = earlier is not None and standing.conversion is not earlier
        if standing.state == "rejected":
            # It leaves the accepted ones: the referee's next claim is judged anew.
            del self.standings[standing.program, standing.referee]
            self.undone.append((standing.program, standing.referee, standing.referrer))
        elif standing.conversion is not None:
            self._carry_out(standing, standing.conversion, amended=amended, worker=worker)
        elif worker and standing.state == "pending" and self._is_past(standing.deadline):
            standing.state = "expired"

    def _is_past(self, deadline: datetime) -> bool:
        return self.now > deadline or (self.reading.expires_on_the_edge and self.now == deadline)

    def _choose(self, standing: Standing) -> None:
        """Find the conversion anew from all facts, as long as nothing is released."""
        terms = self.programs[standing.program]
        if terms.referee_is_new and self._bought_before(standing.referee, standing.opens_at, terms=terms):
            if standing.conversion is not None:
                standing.refused = True
            elif standing.state == "pending":
                standing.state = "rejected"
            return
        qualifying = [
            bought
            for bought in self._purchases_of(standing.referee)
            if standing.opens_at <= bought.occurred_at <= standing.deadline
            and bought.currency == terms.currency
            and bought.amount_minor >= terms.min_amount_minor
        ]
        if not qualifying or (standing.state == "expired" and self.now > standing.deadline + LATE_ARRIVAL):
            return
        # Refunds play no part in the choice: a refunded first purchase stays the first (no `requalify`).
        # Equal times: I13 demands something of the purchase itself, and the order's id is all it has.
        standing.conversion = min(qualifying, key=lambda bought: (bought.occurred_at, bought.order_id))

    def _carry_out(self, standing: Standing, bought: Purchase, *, amended: bool, worker: bool) -> None:
        terms = self.programs[standing.program]
        refunded = self.refunded(bought)
        disputed = self._is_disputed(bought.order_id)
        left = bought.amount_minor - refunded
        whole = left <= 0 or (left < terms.min_amount_minor and terms.below_minimum == "reverse")
        standing.state = "reversed" if standing.refused or whole or disputed else "converted"
        # Taken back by a refund or a dispute, and not new on top of it: either reason may be told.
        standing.reasons = frozenset({"not_new"}) if standing.refused and not whole and not disputed else None
        for reward in terms.rewards:
            granted = reward.give.value(bought.amount_minor)
            if standing.refused:
                taken = granted
            elif reward.keep:
                taken = granted if disputed and not self.reading.keep_outlasts_a_dispute else 0
            elif whole or disputed:
                taken = granted
            else:
                taken = half_up(granted, refunded, bought.amount_minor)
            holding = standing.holdings.get(reward.key)
            at_once = worker or self._releases_at_once(holding, amended=amended)
            fresh = holding is None or amended
            if holding is None:
                holding = standing.holdings[reward.key] = Holding(granted, taken)
            holding.granted, holding.taken = granted, taken
            due = self.now >= bought.occurred_at + timedelta(days=reward.hold_days)
            still_there = taken < granted or (fresh and self.reading.reversed_grant_is_released_first)
            if due and at_once and still_there and not standing.refused:
                holding.released = True

    def _releases_at_once(self, holding: Holding | None, *, amended: bool) -> bool:
        if holding is None:
            return True
        if amended:
            return self.reading.amended_releases_at_once
        return self.reading.reopened_releases_at_once and holding.taken == holding.granted

    def refunded(self, bought: Purchase) -> int:
        singles = sum(self.singles.get(bought.order_id, {}).values())
        return min(bought.amount_minor, max(self.cumulative.get(bought.order_id, 0), singles))

    def _is_disputed(self, order_id: str) -> bool:
        """Open, or lost: "`lost` is final". A won one is over, whichever message came first."""
        return any("lost" in said or "won" not in said for said in self.disputes.get(order_id, {}).values())

    # -- what a reader sees ------------------------------------------------------------------------

    def picture(self) -> Picture:
        accepted, rewards = {}, {}
        balances: dict[tuple[str, str], tuple[int, int]] = {}
        for key, standing in self.standings.items():
            accepted[key] = ReferralPicture(standing.referrer, standing.state, standing.reasons)
            terms = self.programs[standing.program]
            for reward in terms.rewards:
                holding = standing.holdings.get(reward.key)
                if holding is None:
                    continue
                shown = rewards[*key, reward.key] = _reward_picture(standing, reward, holding)
                rest = holding.granted - holding.taken
                place = shown.recipient, "points" if reward.give.kind == "points" else terms.currency
                available, pending = balances.get(place, (0, 0))
                more = (rest, 0) if holding.released else (0, rest)
                balances[place] = available + more[0], pending + more[1]
        balances = {place: sums for place, sums in balances.items() if sums != (0, 0)}
        rejected: dict[tuple[str, str, str], tuple[frozenset[str], ...]]
        rejected = {key: (reasons,) for key, reasons in self.refused.items()}
        for row in self.undone:
            rejected[row] = (*rejected.get(row, ()), frozenset({"not_new"}))
        return Picture(accepted, rejected, rewards, balances)


def replay(
    log: Iterable[Entry], *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None
) -> Iterator[tuple[Verdict, Picture]]:
    """Recompute everything from the log: for each entry its verdict and the picture after it."""
    world = World(programs=programs, now=now, reading=reading)
    for entry in log:
        verdict = world.tell(entry)
        yield verdict, world.picture()


def _outcome(before: Mapping[tuple[str, str], str], after: Mapping[tuple[str, str], Standing]) -> str | None:
    """The strongest outcome over all programs, where PRODUCT.md leaves no doubt what it is."""
    moves = [(before[key], standing.state) for key, standing in after.items()]
    if any(was in ("pending", "expired") and now == "converted" for was, now in moves):
        return "converted"
    if ("reversed", "converted") not in moves and ("converted", "reversed") in moves:
        return "reversed"
    return None


def _reward_picture(standing: Standing, reward: RewardTerms, holding: Holding) -> RewardPicture:
    whole = "clawed_back" if holding.released else "voided"
    part = "available" if holding.released else "pending"
    recipient = standing.referrer if reward.side == "referrer" else standing.referee
    if standing.refused:
        return RewardPicture(recipient, frozenset({whole}), None, None)
    states = {whole} if holding.taken == holding.granted else {part}
    if holding.taken == holding.granted and standing.state == "converted":
        # A share that rounds up to the whole, while the conversion stands: it may be called either.
        states.add(part)
    return RewardPicture(recipient, frozenset(states), holding.granted, holding.taken)
