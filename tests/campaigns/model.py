"""An independent model of one app: the oracle of campaigns 1 and 7 (SAFETY.md), from PRODUCT.md alone.

It takes the log of what was told to the service, in arrival order, and folds it into what PRODUCT.md
promises. Whoever writes it has not read the engine, so that a rule misread once is not misread twice.

Where PRODUCT.md leaves a result open, a `Reading` names each possible answer. A service must agree with one
and the same reading from its first answer to its last; it may not change its mind between two histories.

From the ground up: `known` (what was heard), `granting` (rewards), `claiming` (claims), and here the fold itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from campaigns.claiming import Claiming
from campaigns.dues import of_event, of_purchase
from campaigns.facts import (
    Advance,
    Claim,
    Click,
    Deliver,
    Enrol,
    Entry,
    Event,
    Govern,
    Handle,
    Happening,
    Purchase,
    Reject,
    RewardName,
    Spend,
    UseCoupon,
)
from campaigns.granting import To
from campaigns.limits import Asking
from campaigns.lives import Grant, Taken
from campaigns.pictures import (
    CallVerdict,
    EventVerdict,
    Picture,
    Reading,
    ReferralPicture,
    RewardPicture,
    Verdict,
)
from campaigns.standing import Standing
from campaigns.terms import RewardTerms, Terms
from campaigns.wallet import Wallet

# "`expired` -> `converted` once, for a purchase that ... arrives within 7 days after the deadline".
LATE_ARRIVAL = timedelta(days=7)
# "terms = newest version with created_at <= occurred_at (60 s leeway)".
VERSION_LEEWAY = timedelta(seconds=60)
DONE = CallVerdict(done=True)


class OutOfOrder(Exception):
    """This story cannot have happened: something that it needs was left out."""


class World(Claiming):
    """The fold of one log under one reading."""

    def tell(self, entry: Entry) -> Verdict:
        if isinstance(entry, Enrol):
            self._enrol(entry)
        elif isinstance(entry, Click):
            if entry.at != self.now:
                raise OutOfOrder("A click cannot be back-dated.")
        elif isinstance(entry, Claim):
            return self._claim(entry)
        elif isinstance(entry, Deliver):
            return self._deliver(entry)
        elif isinstance(entry, Advance):
            self._advance(entry.by)
        elif isinstance(entry, Handle):
            return self._handle(entry)
        elif isinstance(entry, Spend):
            return self._spend(entry)
        elif isinstance(entry, UseCoupon):
            return self._use_coupon(entry)
        elif isinstance(entry, Reject):
            return self._reject(entry)
        else:
            self._govern(entry)
        return None

    # -- events ------------------------------------------------------------------------------------

    def _deliver(self, delivery: Deliver) -> tuple[EventVerdict, ...]:
        at_once = not delivery.batch or self.reading.batch_is_serial
        verdicts, later = [], []
        for event in delivery.events:
            kind = self._record(event)
            before = {key: standing.state for key, standing in self.standings.items()}
            if kind == "new" and at_once:
                self._settle_event(event)
            elif kind == "new":
                later.append(event)
            outcome = _outcome(before, self.standings) if kind == "new" and not delivery.batch else None
            verdicts.append(EventVerdict(kind, outcome))
        for event in later:
            self._settle_event(event)
        return tuple(verdicts)

    def _settle_event(self, event: Event) -> None:
        customer = self.concerned(event)
        if customer is None:
            return
        if isinstance(event, Purchase | Happening):
            self._grant_to_self(event)
        for standing in sorted(self.standings.values(), key=lambda one: one.number):
            if standing.referee == customer:
                self._settle(standing)
        self._settle_own(customer)
        if not isinstance(event, Happening):
            self._cancel_order(self.purchases[event.order_id])

    def _cancel_order(self, bought: Purchase) -> None:
        """What was refunded whole is a cancelled order, for the coupon that was used on it."""
        if self.refunded(bought) < bought.amount_minor:
            return
        for grant in self.grants.values():
            if grant.coupon is not None and grant.coupon.order == bought.order_id:
                grant.cancel_order()

    def _grant_to_self(self, event: Purchase | Happening) -> None:
        """Side `self`: no referral needed, while the program goes on."""
        for program, terms in self.programs.items():
            schedule, currency = terms.schedule, event.currency or terms.currency
            begun = max(self.start - VERSION_LEEWAY, schedule.starts_at or self.start - VERSION_LEEWAY)
            over = schedule.ends_at is not None and event.occurred_at > schedule.ends_at
            if self.status.get(program) in ("archived", "ended") or over or event.occurred_at < begun:
                continue
            for reward in terms.rewards:
                if reward.side != "self" or currency != terms.currency:
                    continue
                to = To(program, terms, event.customer)
                if isinstance(event, Purchase) and reward.on == "every_purchase":
                    due = of_purchase(event, terms=terms, fate=self.fate, follows_referral=False)
                    if due is not None:
                        self._grant(to, reward, due)
                elif isinstance(event, Happening) and reward.on == f"event:{event.type}":
                    self._grant(to, reward, of_event(event))

    # -- one referral ------------------------------------------------------------------------------

    def _settle(self, standing: Standing) -> None:
        self._choose(standing)
        if standing.state == "rejected":
            self._undo(standing, "not_new")
            return
        if standing.conversions:
            verdict = standing.conversions[-1].verdict
            standing.state = "reversed" if standing.refused or verdict.whole else "converted"
            # Taken back by a refund or a dispute, and not new on top of it: either reason may be told.
            standing.reasons = verdict.reasons if verdict.whole else None
            if standing.refused:
                standing.reasons = frozenset({"not_new"}) | (verdict.reasons or frozenset())
        self._carry_out(standing)
        if standing.conversions:
            self.limits.give_back(standing.place)

    def _choose(self, standing: Standing) -> None:
        """Find the conversion anew from all facts, as long as nothing is released."""
        terms = standing.terms
        judged_new = terms.referee_is_new and not standing.frozen
        not_new = judged_new and self.bought_before(standing.referee, standing.opens_at, terms=terms)
        if not_new and standing.state == "pending":
            standing.state = "rejected"
        standing.refused |= not_new and bool(standing.conversions)
        late = standing.state == "expired" and self.now > standing.deadline + LATE_ARRIVAL
        if standing.refused or not_new or late:
            for conversion in standing.conversions:
                conversion.verdict = standing.judge(conversion.steps.values(), fate=self.fate)
            return
        # Refunds play no part in the choice: a refunded first purchase stays the first.
        standing.find(
            [
                fact
                for fact in self.facts_of(standing.referee)
                if standing.opens_at <= fact.occurred_at <= standing.deadline
                and (fact.currency or terms.currency) == terms.currency
            ],
            fate=self.fate,
        )

    def _undo(self, standing: Standing, reason: str) -> None:
        """It leaves the accepted ones: the referee's next claim is judged anew."""
        del self.standings[standing.place]
        self.undone.append(((*standing.place, standing.referrer), reason))
        self.limits.give_back(standing.place)
        for key, grant in self.recorded.items():
            if grant is None or grant.referral != standing.place or not self._is_of(key, self._to_all(standing)):
                continue
            if grant.terms.on == "claimed" or grant.terms.on_conversion:
                grant.take(Taken(grant.granted, whole=True, final=True, reasons=frozenset({reason})), now=self.now)

    def _to_all(self, standing: Standing) -> To:
        return To(standing.program, standing.terms, standing.referrer, standing)

    def _standing_of(self, grant: Grant) -> Standing | None:
        return None if grant.referral is None else self.standings.get(grant.referral)

    def _reject(self, entry: Reject) -> CallVerdict:
        standing = self.standings.get((entry.program, entry.referee))
        if standing is None:
            raise OutOfOrder("Nobody to reject.")
        if standing.state != "pending":
            return CallVerdict(done=False)
        standing.state = "rejected"
        self._undo(standing, "review")
        return DONE

    # -- time --------------------------------------------------------------------------------------

    def _advance(self, by: timedelta) -> None:
        self.now += by
        self._work_on_rewards()
        for program, terms in self.programs.items():
            ends_at = terms.schedule.ends_at
            if ends_at is not None and ends_at <= self.now and self.status.get(program) not in ("ended", "archived"):
                self._end(program, terms, ends_at)
        for standing in list(self.standings.values()):
            if standing.state == "pending" and self._is_past(standing.deadline):
                standing.state = "expired"
                self.limits.give_back(standing.place)

    def _is_past(self, deadline: datetime) -> bool:
        return self.now > deadline or (self.reading.expires_on_the_edge and self.now == deadline)

    def _govern(self, entry: Govern) -> None:
        if entry.deed == "activate":
            self.status.pop(entry.program, None)
            return
        self.status[entry.program] = "paused" if entry.deed == "pause" else "archived"
        if entry.deed == "archive":
            self._bring_sunset(entry.program, self.now)

    def _bring_sunset(self, program: str, over: datetime) -> None:
        sunset = over + timedelta(days=self.programs[program].schedule.sunset_days)
        for standing in self.standings.values():
            if standing.program == program and standing.state == "pending":
                standing.deadline = min(standing.deadline, sunset)

    def _end(self, program: str, terms: Terms, ends_at: datetime) -> None:
        """The contest closes: the first ranks get their prizes, once; who ties shares the better one."""
        self.status[program] = "ended"
        self._bring_sunset(program, ends_at)
        ranks = self.ranks(program, until=ends_at)
        for referrer, rank in sorted(ranks.items(), key=lambda one: (one[1], one[0])):
            if rank <= len(terms.prizes):
                give = terms.prizes[rank - 1]
                reward = RewardTerms("prize", "referrer", give)
                key = (program, "prize", referrer, ("prize", str(rank)))
                name = RewardName(program, "prize", referrer, self.limits.next_ordinal(key[:3]))
                asking = Asking(program, referrer, reward, give, give.value(0), self.now, None)
                grant = self._record_grant(key, name, (give, None), asking, hold_from=self.now, terms=terms)
                self.stands_on[key] = ()
                self._release_if_over(grant)

    def ranks(self, program: str, *, until: datetime) -> dict[str, int]:
        """Referrer -> rank by what was bought until then; equal numbers share a rank, and the next one skips."""
        numbers: dict[str, int] = {}
        for standing in self.standings.values():
            bought = standing.conversion if standing.state == "converted" else None
            if standing.program == program and bought is not None and bought.occurred_at <= until:
                numbers[standing.referrer] = numbers.get(standing.referrer, 0) + 1
        return {who: 1 + sum(other > n for other in numbers.values()) for who, n in numbers.items()}

    # -- the wallet, and rewards by hand -----------------------------------------------------------

    def grant_named(self, name: RewardName) -> Grant:
        found = [grant for grant in self.grants.values() if grant.name == name]
        if not found:
            raise OutOfOrder("No such reward.")
        return found[0]

    def _handle(self, entry: Handle) -> CallVerdict:
        grant = self.grant_named(entry.reward)
        if entry.deed == "accept" and grant.state == "offered":
            grant.become_available(self.now)
            self._pin(grant)
        elif entry.deed == "fulfil" and grant.give.kind == "custom" and grant.state == "available":
            grant.fulfilled = True
            grant.rest(self.now)
        elif entry.deed == "void" and grant.state in ("pending", "offered"):
            grant.void()
        else:
            return CallVerdict(done=False)
        return DONE

    def _spend(self, entry: Spend) -> CallVerdict:
        wallet = self.wallets.get((entry.customer, entry.unit), Wallet())
        if not wallet.spend(entry.amount):
            return CallVerdict(done=False, codes=frozenset({"insufficient_balance"}))
        for grant in self.grants.values():
            if grant.wallet is wallet and grant.state == "available" and grant.lot is not None:
                grant.rest(self.now)
        return DONE

    def _use_coupon(self, entry: UseCoupon) -> CallVerdict:
        grant = self.grant_named(entry.reward)
        coupon = grant.coupon
        if coupon is None:
            raise OutOfOrder("No coupon yet.")
        refusal = coupon.refusal(entry.order_id, now=self.now)
        if refusal is not None:
            return CallVerdict(done=False, codes=frozenset({refusal}))
        if coupon.state == "active":
            coupon.state, coupon.order = "redeemed", entry.order_id
            grant.rest(self.now)
        return DONE

    # -- what a reader sees ------------------------------------------------------------------------

    def picture(self) -> Picture:
        accepted, rewards = {}, {}
        balances: dict[tuple[str, str], tuple[int, int]] = {}
        for key, standing in self.standings.items():
            accepted[key] = ReferralPicture(standing.referrer, standing.state, standing.reasons)
        for place, wallet in self.wallets.items():
            balances[place] = wallet.available, 0
        for grant in self.grants.values():
            rewards[grant.name] = reward_picture(grant, self._standing_of(grant))
            if grant.is_held and grant.give.in_wallet:
                place = grant.name.recipient, grant.give.unit_in(grant.currency)
                available, pending = balances[place]
                balances[place] = available, pending + grant.granted - grant.taken
        balances = {place: sums for place, sums in balances.items() if sums != (0, 0)}
        rejected: dict[tuple[str, str, str], tuple[frozenset[str], ...]]
        rejected = {key: (reasons,) for key, reasons in self.refused.items()}
        for row, reason in self.undone:
            rejected[row] = (*rejected.get(row, ()), frozenset({reason}))
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


def reward_picture(grant: Grant, standing: Standing | None) -> RewardPicture:
    referee = None if grant.referral is None else grant.referral[1]
    subject = grant.subject[0], grant.subject[1].rpartition(":")[2]
    if standing is not None and standing.refused and grant.terms.on_conversion and not grant.is_over:
        whole = "clawed_back" if grant.released else "voided"
        return RewardPicture(referee, subject, frozenset({whole}), None, None)
    states = {grant.state}
    if grant.by_rounding:
        # A share that rounds up to the whole, while the conversion stands: it may be called either.
        states.add("clawed_back" if grant.released else "voided")
    return RewardPicture(
        referee,
        subject,
        frozenset(states),
        grant.granted,
        grant.taken,
        grant.reasons,
        grant.badge,
        grant.expires_at,
        grant.accept_by,
        None if grant.coupon is None else grant.coupon.state,
        sized=not (grant.state == "expired" and not grant.released),
    )
