"""How the model records rewards: ordinals and limits at the grant, then the facts, then release and time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from campaigns.dues import Due, dues, of_event, of_purchase
from campaigns.facts import Purchase, RewardName
from campaigns.known import Known
from campaigns.limits import Asking, Limits
from campaigns.lives import NOTHING_TAKEN, Grant, Taken
from campaigns.matching import Counted
from campaigns.pictures import Reading
from campaigns.standing import Fate, Standing, Verdict
from campaigns.terms import Give, RewardTerms, Terms, half_up, matches
from campaigns.wallet import Wallet

Key = tuple[str, str, str, tuple[str, str]]  # program, reward key, recipient, subject


@dataclass(frozen=True, slots=True)
class To:
    """For whom a reward is due: in which program, by which terms, for which referral."""

    program: str
    terms: Terms
    recipient: str
    standing: Standing | None = None

    @property
    def referral(self) -> tuple[str, str] | None:
        return None if self.standing is None else self.standing.place


def both(own: Verdict, other: Verdict) -> Verdict:
    """What either reverses is reversed, and for good where either says so."""
    if not (own.whole and other.whole):
        return own if own.whole else other
    reasons = None if own.reasons is None or other.reasons is None else own.reasons | other.reasons
    return Verdict(whole=True, final=own.final or other.final, reasons=reasons)


class Granting(Known):
    def __init__(self, *, programs: Mapping[str, Terms], now: datetime, reading: Reading | None = None) -> None:
        super().__init__(programs=programs, now=now, reading=reading)
        # None: the fact took an ordinal that makes no reward.
        self.recorded: dict[Key, Grant | None] = {}
        self.grants: dict[object, Grant] = {}
        self.stands_on: dict[Key, tuple[Counted, ...]] = {}
        self.limits = Limits(self.grants)
        self.wallets: dict[tuple[str, str], Wallet] = {}

    # -- rewards of a referral --------------------------------------------------------------------------

    def _carry_out(self, standing: Standing) -> None:
        """First what is recorded follows the facts, then what is newly due is granted."""
        for reward in standing.terms.rewards:
            if reward.side != "self":
                to = self._to(standing, reward)
                due_now = {due.subject: due for due in self._dues(standing, reward)}
                for key, grant in self._recorded(to, reward):
                    due = due_now.get(key[3]) or self._due_of_fact(key[3], standing)
                    if key[3][0] == "purchase" and key[3] not in due_now and standing.state == "converted":
                        self._drop(grant)
                    elif due is not None:
                        self._follow(key, grant, due, to)
        for reward in standing.terms.rewards:
            if reward.side != "self":
                to = self._to(standing, reward)
                for due in self._dues(standing, reward):
                    self._grant(to, reward, due)

    def _drop(self, grant: Grant) -> None:
        """An earlier conversion has brought the end of its months forward: had it been known, nothing was due."""
        if not grant.released:
            reasons = frozenset({"not_counted"})
            grant.take(Taken(grant.granted, whole=True, final=True, reasons=reasons), now=self.now)

    def _dues(self, standing: Standing, reward: RewardTerms) -> list[Due]:
        if standing.refused and reward.on in ("repeat_purchase", "every_purchase"):
            return []
        return list(dues(standing, reward, self.facts_of(standing.referee), fate=self.fate))

    def _to(self, standing: Standing, reward: RewardTerms) -> To:
        recipient = standing.referrer if reward.side == "referrer" else standing.referee
        return To(standing.program, standing.terms, recipient, standing)

    def _recorded(self, to: To, reward: RewardTerms) -> Iterator[tuple[Key, Grant]]:
        for key, grant in list(self.recorded.items()):
            mine = grant is not None and grant.referral == to.referral and self._is_of(key, to)
            if grant is not None and mine and key[:3] == (to.program, reward.key, to.recipient):
                yield key, grant

    @staticmethod
    def _is_of(key: Key, to: To) -> bool:
        """Not of an earlier referral of the same referee, which was rejected."""
        number = key[3][1].partition(":")[0] if key[3][0] == "referral" else None
        return to.standing is None or number in (None, str(to.standing.number))

    def _due_of_fact(self, subject: tuple[str, str], standing: Standing) -> Due | None:
        """What an earlier purchase or event is due for, whatever the referral's state is now."""
        kind, name = subject
        if kind == "purchase" and name in self.purchases:
            return of_purchase(self.purchases[name], terms=standing.terms, fate=self.fate, follows_referral=True)
        return of_event(self.happenings[name]) if kind == "event" else None

    # -- one's own rewards ------------------------------------------------------------------------------

    def _settle_own(self, customer: str) -> None:
        for key, grant in list(self.recorded.items()):
            if grant is None or grant.referral is not None or grant.name.recipient != customer:
                continue
            kind, name = key[3]
            terms = self.programs[grant.name.program]
            to = To(grant.name.program, terms, customer)
            if kind == "purchase":
                due = of_purchase(self.purchases[name], terms=terms, fate=self.fate, follows_referral=False)
                assert due is not None
                self._follow(key, grant, due, to)

    # -- granting ---------------------------------------------------------------------------------------

    def _grant(self, to: To, reward: RewardTerms, due: Due) -> None:
        """What is reversed already is granted and taken back in one, before anything else is granted."""
        grant = self._grant_once(to, reward, due)
        if grant is not None:
            self._begin(grant, due, to)

    def _grant_once(self, to: To, reward: RewardTerms, due: Due) -> Grant | None:
        """The new row; None where there is one, or none is due."""
        key = (to.program, reward.key, to.recipient, due.subject)
        if key in self.recorded:
            return None
        if reward.limit_count is not None and self._already(to, reward) >= reward.limit_count:
            return None
        ordinal = self.limits.next_ordinal(key[:3])
        nth = self._nth(reward, ordinal)
        # "Every counted fact gets one ordinal, whether or not it grants"; and it is judged once.
        if nth is None or not matches(reward.audience, self.attributes.get(to.recipient, ())):
            self.recorded[key] = None
            return None
        name = RewardName(to.program, reward.key, to.recipient, ordinal)
        value = nth[0].value(due.purchases_minor, due.counted_minor)
        asking = Asking(to.program, to.recipient, reward, nth[0], value, self.now, to.referral)
        grant = self._record_grant(key, name, nth, asking, hold_from=due.at, terms=to.terms)
        self.stands_on[key] = due.counted
        return grant

    def _begin(self, grant: Grant, due: Due, to: To) -> None:
        """Held, or taken back at once, or released at once."""
        if grant.is_over:
            return
        taken = self._taken(grant, due, to)
        if taken.whole and not self.reading.reversed_grant_is_released_first:
            grant.take(taken, now=self.now)
            return
        if not taken.whole:
            grant.take(taken, now=self.now)
        self._release_if_over(grant)
        if taken.whole:
            grant.take(taken, now=self.now)

    def _nth(self, reward: RewardTerms, ordinal: int) -> tuple[Give, str | None] | None:
        return reward.nth(ordinal)

    def _already(self, to: To, reward: RewardTerms) -> int:
        return len(list(self._recorded(to, reward)))

    def _record_grant(
        self,
        key: Key,
        name: RewardName,
        nth: tuple[Give, str | None],
        asking: Asking,
        *,
        hold_from: datetime,
        terms: Terms,
    ) -> Grant:
        """The row, with what fits into cap and budget."""
        fit = self.limits.fit(asking, self.programs[name.program].budget)
        give, badge = nth
        grant = Grant(
            name,
            key[3],
            asking.terms,
            give,
            badge,
            terms.currency,
            asking.referral,
            self.now,
            hold_from + timedelta(days=asking.terms.hold_days),
            terms.spent == "write_off",
            fit.amount,
            fit.weight,
        )
        place_of_wallet = name.recipient, give.unit_in(terms.currency)
        grant.wallet = self.wallets.setdefault(place_of_wallet, Wallet())
        if fit.reason is not None:
            grant.state, grant.reasons = "capped", frozenset({fit.reason})
        elif asking.referral in self.limits.reserved:
            self.limits.reserved[asking.referral].take(fit.weight, 1)
        self.recorded[key] = self.grants[key] = grant
        return grant

    # -- following the facts ----------------------------------------------------------------------------

    def _follow(self, key: Key, grant: Grant, due: Due, to: To) -> None:
        if grant.is_over:
            return
        amended = self.stands_on[key] != due.counted
        was_whole = grant.state in ("voided", "clawed_back")
        comes_back = not grant.holds_slot and not self._taken(grant, due, to).whole
        if (amended or comes_back) and not grant.released and not self._amend(key, grant, due, to):
            return
        grant.take(self._taken(grant, due, to), now=self.now)
        reopened = self.reading.reopened_releases_at_once and was_whole
        if self.reading.amended_releases_at_once if amended else reopened:
            self._release_if_over(grant)

    def _amend(self, key: Key, grant: Grant, due: Due, to: To) -> bool:
        """A takeover: the row keeps ordinal and slot, its amount is what fits. Whether it may stand."""
        value = grant.give.value(due.purchases_minor, due.counted_minor)
        asking = Asking(
            to.program, to.recipient, grant.terms, grant.give, value, grant.created_at, to.referral, own=grant
        )
        fit = self.limits.fit(asking, self.programs[to.program].budget)
        self.stands_on[key] = due.counted
        grant.hold_ends_at = due.at + timedelta(days=grant.terms.hold_days)
        if fit.reason is not None:
            # It had given its slot back, and there is none now.
            grant.reasons = frozenset({fit.reason}) if not grant.holds_slot else grant.reasons
            return False
        grant.granted, grant.weight = fit.amount, fit.weight
        return True

    def _taken(self, grant: Grant, due: Due, to: To) -> Taken:
        granted, standing, verdict = grant.granted, to.standing, due.verdict
        if standing is not None and standing.refused and grant.terms.on_conversion:
            return Taken(granted, whole=True, final=True)
        if due.follows_referral and not grant.released:
            verdict = both(verdict, self._of_referral(standing))
        if grant.terms.keep:
            disputed = not self.reading.keep_outlasts_a_dispute and self._is_disputed(due)
            return Taken(granted, whole=True, reasons=verdict.reasons) if disputed else NOTHING_TAKEN
        if verdict.whole:
            return Taken(granted, whole=True, final=verdict.final, reasons=verdict.reasons)
        if not grant.give.in_wallet or not due.gone[0]:
            return NOTHING_TAKEN
        return Taken(half_up(granted, *due.gone))

    def _of_referral(self, standing: Standing | None) -> Verdict:
        if standing is None or standing.state != "reversed":
            return Verdict()
        if standing.refused:
            return Verdict(whole=True, final=True)
        return standing.conversions[-1].verdict

    def _is_disputed(self, due: Due) -> bool:
        fates: list[Fate] = [self.fate(c.fact) for c in due.counted if isinstance(c.fact, Purchase)]
        return any(fate.open or fate.lost for fate in fates)

    # -- release ----------------------------------------------------------------------------------------

    def _release_if_over(self, grant: Grant) -> None:
        if grant.state == "pending" and self.now >= grant.hold_ends_at:
            grant.release(self.now)
            self._pin(grant)

    def _pin(self, grant: Grant) -> None:
        """Released: its facts are those that count, for good."""
        kind, name = grant.subject
        standing = self._standing_of(grant)
        if not grant.released or standing is None or kind != "referral" or not grant.terms.on_conversion:
            return
        number = int(name.partition(":")[2])
        standing.frozen_numbers.add(number)
        if grant.terms.on.startswith("step:"):
            step = grant.terms.on.removeprefix("step:")
            steps = [c.steps for c in standing.conversions if c.number == number] or [standing.on_the_way]
            standing.pins[number, step] = steps[0][step]

    def _standing_of(self, grant: Grant) -> Standing | None:
        raise LookupError(grant)

    def _work_on_rewards(self) -> None:
        """What is due by now: releases by the end of their hold, then what lapses."""
        for grant in sorted(self.grants.values(), key=lambda one: one.hold_ends_at):
            self._release_if_over(grant)
        for grant in self.grants.values():
            grant.grow_old(self.now)
