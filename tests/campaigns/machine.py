"""Campaign 1 (SAFETY.md): a hypothesis machine that tells the service and the model the same story.

Each example is one test app with two programs and five customers. After each step all that a reader can see
is compared with the model, and the doctor looks at the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any, ClassVar, Protocol

from campaigns.driver import Answer, Observed
from campaigns.facts import Advance, Claim, Click, Deliver, Enrol, Entry, Touch
from campaigns.oracle import Oracle
from campaigns.pictures import Reading
from campaigns.programs import PROGRAMS, START
from campaigns.terms import Terms
from campaigns.wishes import CUSTOMERS, KINDS, SECOND, Kind, Wish, Wishing, wishes
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

# The same mailbox as Alice's: her own second account.
EMAILS = {"alice": "alice@example.com", "alter": "Alice+2@example.com", "bob": "bob@example.com"}
PLANS = {"bob": "plus", "carol": "free", "dave": "pro"}
PLAIN_PAIRS = (("held", "prompt"), ("held", "mixed"), ("mixed", "euro"), ("prompt", "euro"), ("held", "held"))
# Each with some that everybody's money and points meet in.
WHOLE_PAIRS = (
    ("steps", "partner"),
    ("spend", "club"),
    ("capped", "again"),
    ("budget", "offers"),
    ("reserved", "coupons"),
    ("contest", "club"),
    ("offers", "capped"),
    ("again", "coupons"),
    ("picky", "partner"),
    ("steps", "promised"),
)
PAIRS = (*PLAIN_PAIRS, *WHOLE_PAIRS)
TROUBLES: tuple[Kind, ...] = ("refunded_total", "refund", "refunded_total", "refund", "dispute")
programs = st.integers(0, 1)
referees = st.integers(1, len(CUSTOMERS) - 1)


def enrolled(customer: str) -> Enrol:
    plan = PLANS.get(customer)
    return Enrol(customer, EMAILS.get(customer), (("plan", plan),) if plan else ())


class Speaker(Protocol):
    """One test app: `driver.Driver`, or the understudy that takes its place in the negative controls."""

    programs: dict[str, str]
    tokens: dict[tuple[str, str, datetime], str]
    codes: dict[tuple[str, str], dict[str, Any]]

    def start_program(self, name: str, terms: Terms) -> None: ...

    def code(self, program: str, customer: str) -> dict[str, Any]: ...

    def tell(self, entry: Entry) -> Answer: ...

    def look(self, customers: list[str]) -> Observed: ...

    def misreported(self, seen: Observed, *, now: datetime) -> list[str]: ...


class Stage(Protocol):
    """The service under test: one for all examples."""

    # How many steps the doctor lets pass; he looks at all that earlier examples left, too.
    doctor_every: int
    # Readings that no example has contradicted so far, the likeliest first.
    readings: list[Reading]

    def open_app(self, *, now: datetime, name: str) -> Speaker: ...

    def violations(self) -> list[str]: ...


class Campaign(RuleBasedStateMachine):
    stage: ClassVar[Stage]
    latest: ClassVar[Campaign]
    apps: ClassVar[count[int]] = count(1)
    # Which programs are played together.
    pairs: ClassVar[Sequence[tuple[str, str]]] = PAIRS

    @initialize(pick=st.integers(0, 59), late_claims=st.sampled_from((False, False, False, False, True)))
    def open(self, pick: int, late_claims: bool) -> None:
        pair = self.pairs[pick % len(self.pairs)]
        self.driver = self.stage.open_app(now=START, name=f"campaign {next(self.apps)}")
        terms = {f"{name}-{n}": PROGRAMS[name] for n, name in enumerate(pair)}
        for name, document in terms.items():
            self.driver.start_program(name, document)
        self.names = tuple(terms)
        self.oracle = Oracle(programs=terms, ids=self.driver.programs, now=START, readings=self.stage.readings)
        self.wishing = Wishing()
        self.claims: list[Claim] = []
        self.people: list[str] = []
        self.log: list[Entry] = []
        type(self).latest = self
        self.agreed = True
        self.steps = 0
        for customer in CUSTOMERS:
            self.tell(enrolled(customer))
        # Where limits are shared, one referrer has several referees.
        families = ("alice", "alice", "alice") if pair not in PLAIN_PAIRS else ("alice", "bob", "carol")
        if not late_claims:
            self._claim(Claim(self.names[0], "bob", (Touch(families[0]),)))
            self._claim(Claim(self.names[1], "bob", (Touch(families[0]),)))
            self._claim(Claim(self.names[0], "carol", (Touch(families[1]),)))
            self._claim(Claim(self.names[1], "dave", (Touch(families[2]),)))

    @property
    def now(self) -> datetime:
        return self.oracle.world.now

    def tell(self, entry: Entry) -> None:
        self.log.append(entry)
        self.agreed = False
        answer = self.driver.tell(entry)
        if isinstance(entry, Enrol) and entry.customer not in self.people:
            self.people.append(entry.customer)
        # Time may change every wallet; after anything else one wallet is looked at, by turns: they cost the most.
        whose = self.people if isinstance(entry, Advance) else [self.people[len(self.log) % len(self.people)]]
        self.oracle.hear(entry, answer, self.driver.look(whose))
        self.agreed = True

    # -- people, codes, claims --------------------------------------------------------------------------

    @rule(program=programs, customer=st.sampled_from(CUSTOMERS), also=st.sampled_from(("click", "code", "put")))
    def nothing_of_note(self, program: int, customer: str, also: str) -> None:
        """A click, a code, a customer put once more: in one rule, so that they do not crowd the rest."""
        gives_codes = self.oracle.world.takes_claims(self.names[program])
        if also == "click" and gives_codes:
            self.tell(Click(self.names[program], customer, self.now))
        elif also == "code" and gives_codes:
            self.driver.code(self.names[program], customer)
        else:
            self.tell(enrolled(customer))

    @rule(
        program=programs,
        referee=referees,
        pick=st.integers(0, 3),
        hours_ago=st.sampled_from((0, 0, 0, 1, 72, -1)),
    )
    def claim(self, program: int, referee: int, pick: int, hours_ago: int) -> None:
        at = self.now - timedelta(hours=hours_ago) if hours_ago else None
        referrer = CUSTOMERS[pick % referee]
        self._claim(Claim(self.names[program], CUSTOMERS[referee], (Touch(referrer),), at))

    @rule(program=programs, referee=referees, picks=st.lists(st.integers(0, 3), max_size=4))
    def claim_codes(self, program: int, referee: int, picks: list[int]) -> None:
        """Several codes, of several referrers, and some that are nobody's; or just the referee's own."""
        known = (None, *CUSTOMERS[:referee])
        touches = tuple(Touch(known[pick % len(known)]) for pick in picks) or (Touch(CUSTOMERS[referee]),)
        self._claim(Claim(self.names[program], CUSTOMERS[referee], touches))

    @precondition(lambda self: self.driver.tokens)
    @rule(pick=st.integers(0, 7), referee=referees, others=st.booleans())
    def claim_click(self, pick: int, referee: int, others: bool) -> None:
        """Clicks on one referrer's link, as the app kept them, perhaps with his code typed in at last."""
        tokens = list(self.driver.tokens)
        program, referrer, _ = tokens[pick % len(tokens)]
        clicks = [Touch(who, at) for name, who, at in sorted(tokens) if (name, who) == (program, referrer)]
        touches = (*clicks[:8], Touch(None), Touch(referrer)) if others else tuple(clicks[:1])
        if CUSTOMERS.index(referrer) < referee:
            self._claim(Claim(program, CUSTOMERS[referee], touches))

    @precondition(lambda self: self.claims)
    @rule(pick=st.integers(0, 7))
    def repeat_claim(self, pick: int) -> None:
        claim = self.claims[-1 - pick % len(self.claims)]
        if claim.at is not None and self.now - claim.at > timedelta(days=4):
            # What a claim means whose window is over when it is made, PRODUCT.md does not say.
            claim = replace(claim, at=None)
        self.tell(claim)

    def _claim(self, claim: Claim) -> None:
        wanted = {(claim.program, touch.referrer) for touch in claim.touches if touch.referrer is not None}
        if not self.oracle.world.takes_claims(claim.program) and wanted - self.driver.codes.keys():
            # It gives no codes any more either.
            return
        self.claims.append(claim)
        self.tell(claim)

    # -- events -----------------------------------------------------------------------------------------

    def send(self, wish: Wish) -> None:
        self.tell(Deliver((self.wishing.fulfil(wish, self.oracle.world),)))

    @rule(wish=wishes(st.sampled_from(("purchase", "planned"))))
    def purchase(self, wish: Wish) -> None:
        self.send(wish)

    @rule(wish=wishes(st.sampled_from(("refunded_total", "refund"))))
    def refund(self, wish: Wish) -> None:
        self.send(wish)

    @rule(wish=wishes(st.just("dispute")))
    def dispute(self, wish: Wish) -> None:
        self.send(wish)

    @rule(
        bought=wishes(st.just("purchase")),
        troubles=st.lists(wishes(st.sampled_from(TROUBLES)), min_size=1, max_size=4),
        arrives=st.integers(0, 4),
        batch=st.booleans(),
    )
    def one_order(self, bought: Wish, troubles: list[Wish], arrives: int, batch: bool) -> None:
        """A whole order with its troubles, the purchase arriving first, last, or anywhere between them."""
        order = self.wishing.new_order(bought)
        told = [*troubles[:arrives], bought, *troubles[arrives:]]
        events = tuple(self.wishing.fulfil(wish, self.oracle.world, about=order) for wish in told)
        if batch:
            self.tell(Deliver(events, batch=True))
        else:
            for event in events:
                self.tell(Deliver((event,)))

    @rule(wish=wishes(st.sampled_from(("again", "other_id", "altered", "used_id"))))
    def deliver_again(self, wish: Wish) -> None:
        self.send(wish)

    @rule(batch=st.lists(wishes(st.sampled_from(KINDS)), min_size=1, max_size=5))
    def deliver_batch(self, batch: list[Wish]) -> None:
        events = tuple(self.wishing.fulfil(wish, self.oracle.world) for wish in batch)
        self.tell(Deliver(events, batch=True))

    # -- time -------------------------------------------------------------------------------------------

    @rule(hours=st.sampled_from((1, 24, 72, 7 * 24, 14 * 24, 30 * 24)))
    def wait(self, hours: int) -> None:
        self.tell(Advance(timedelta(hours=hours)))

    @rule(pick=st.integers(0, 11), late=st.sampled_from((-1, 0, 1)))
    def wait_for_an_edge(self, pick: int, late: int) -> None:
        """To a deadline, the last chance after it, or the end of a hold; a second short of it, or past it.

        To one of the next few: after a jump over all of them nothing would be left that can happen.
        """
        edges = []
        for standing in self.oracle.world.standings.values():
            edges += [standing.deadline, standing.deadline + timedelta(days=7)]
        for grant in self.oracle.world.grants.values():
            edges += [at for at in (grant.hold_ends_at, grant.accept_by, grant.expires_at) if at is not None]
        edges += [t.schedule.ends_at for t in self.oracle.programs.values() if t.schedule.ends_at is not None]
        ahead = sorted({edge + late * SECOND for edge in edges if edge + late * SECOND > self.now})[:4]
        if ahead:
            self.tell(Advance(ahead[pick % len(ahead)] - self.now))

    # -- the books --------------------------------------------------------------------------------------

    @invariant()
    def doctor_finds_nothing(self) -> None:
        self.steps += 1
        if self.steps % self.stage.doctor_every == 0:
            violations = self.stage.violations()
            assert not violations, violations

    def teardown(self) -> None:
        if not hasattr(self, "agreed") or not self.agreed:
            return
        seen = self.driver.look(self.people)
        self.oracle.see(seen)
        reports = self.driver.misreported(seen, now=self.now)
        wrong = [*self.oracle.repeats(), *reports, *self.stage.violations()]
        assert not wrong, wrong
        # Readings that this history has refuted are asked last from now on, and must not be all there were.
        self.stage.readings = [r for r in self.stage.readings if r in self.oracle.readings]
        assert self.stage.readings, "each history agrees with some reading of PRODUCT.md, but no reading with all"
