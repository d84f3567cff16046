"""What one reward may say against itself, or against the rest of its program."""

from __future__ import annotations

from collections.abc import Iterator

from referral_service.programs.terms.document import (
    Coupon,
    Credit,
    Custom,
    Give,
    Milestone,
    Percent,
    Points,
    Quota,
    Reward,
    Terms,
    Tier,
)
from referral_service.programs.terms.reach import Finding, beyond_reach

# What a contest's prizes are stored under.
PRIZE_KEY = "prize"


def in_reward(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    """Yield the contradictions of one reward; `path` is where it stands in the document."""
    if reward.key == PRIZE_KEY:
        yield f"{path}.key", "The key prize belongs to the prizes of a contest: choose another."
    yield from _in_moment(terms, reward, path)
    yield from _in_base(terms, reward, path)
    yield from _in_spans(reward, path)
    yield from _in_limit(reward, path)
    yield from _in_cap(reward, path)
    yield from _in_values(reward, path)
    yield from _in_nths(terms, reward, path)
    if reward.value_minor and isinstance(reward.give, Credit | Percent):
        yield f"{path}.value_minor", "This reward is money already and weighs what it comes to: leave it at 0."
    if reward.on_refund == "keep" and terms.on_refund.requalify and reward.on_conversion:
        yield (
            f"{path}.on_refund",
            "Kept after a refund, it would be granted anew for each purchase that requalifies: say reverse.",
        )


def _in_moment(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    step_key = reward.step_key
    if step_key is not None and terms.qualification.step(step_key) is None:
        yield f"{path}.on", f"qualification.steps has no step with the key {step_key}."
    if reward.side == "self" and reward.on != "every_purchase" and reward.event_type is None:
        yield f"{path}.side", "The side self goes with every_purchase and event:<type> only."


def _in_base(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    """A percentage is of a purchase; so many per amount spent needs an amount."""
    give = reward.give
    if isinstance(give, Percent) and not _has_a_purchase(terms, reward):
        yield (
            f"{path}.give.percent",
            f"A percentage is taken of a purchase, and {reward.on} does not always have one: give a fixed amount.",
        )
    if isinstance(give, Points | Quota) and give.per_minor is not None and reward.on == "claimed":
        yield f"{path}.give.per_minor", "A claim has no amount to count by: give a fixed quantity."


def _has_a_purchase(terms: Terms, reward: Reward) -> bool:
    steps = terms.qualification.steps
    if reward.on in ("repeat_purchase", "every_purchase"):
        return True
    if reward.on == "converted":
        return any(step.is_always_a_purchase for step in steps)
    if reward.step_key is not None:
        step = terms.qualification.step(reward.step_key)
        # A step that does not exist is reported once, where it is named.
        return step is None or step.is_always_a_purchase
    return False


def _in_spans(reward: Reward, path: str) -> Iterator[Finding]:
    expires_days = reward.expires_days
    if expires_days is None:
        return
    if reward.hold_days > expires_days:
        yield f"{path}.hold_days", f"The hold outlasts the reward, which expires after {expires_days} days."
    if reward.accept_within_days is not None and reward.accept_within_days > expires_days:
        yield (
            f"{path}.accept_within_days",
            f"The time to accept outlasts the reward, which expires after {expires_days} days.",
        )
    if isinstance(reward.give, Coupon) and reward.give.says_its_end:
        yield f"{path}.expires_days", "The coupon says itself until when it is valid: say it in one place."


def _in_limit(reward: Reward, path: str) -> Iterator[Finding]:
    repeats = reward.on in ("repeat_purchase", "every_purchase") or reward.event_type is not None
    for name, limit in (("count", reward.limit.count), ("months", reward.limit.months)):
        if limit is not None and not repeats:
            yield (
                f"{path}.limit.{name}",
                f"{reward.on} comes once: a limit goes with repeat_purchase, every_purchase and event:<type>.",
            )
    if reward.limit.months is not None and reward.side == "self":
        yield f"{path}.limit.months", "The months run from the conversion of a referral, and self has none."


def _in_cap(reward: Reward, path: str) -> Iterator[Finding]:
    cap = reward.cap
    if cap is None:
        return
    if cap.count is None and cap.amount_minor is None:
        yield f"{path}.cap", "The cap holds nothing back: set its count or its amount_minor, or leave it null."
    if cap.amount_minor is not None and isinstance(reward.give, Coupon | Custom):
        yield f"{path}.cap.amount_minor", f"A {reward.give.kind} has no amount to add up: cap its count."


def _in_values(reward: Reward, path: str) -> Iterator[Finding]:
    """What replaces a value of `give` must be a value that `give` has."""
    fitting = _replaceable(reward.give)
    nths: list[tuple[str, Tier | Milestone]] = [
        *((f"{path}.tiers.{n}", tier) for n, tier in enumerate(reward.tiers)),
        *((f"{path}.milestones.{n}", milestone) for n, milestone in enumerate(reward.milestones)),
    ]
    for where, nth in nths:
        values = {"amount_minor": nth.amount_minor, "quantity": nth.quantity, "percent": nth.percent}
        said = [name for name, value in values.items() if value is not None]
        for name in said:
            if name != fitting:
                yield f"{where}.{name}", f"A {reward.give.kind} has no {name} that this could replace."
        if isinstance(nth, Tier) and not said and nth.badge is None:
            yield where, "The tier changes nothing: set a value or a badge."


def _replaceable(give: Give) -> str | None:
    match give:
        case Credit():
            return "amount_minor"
        case Percent():
            return "percent"
        case Points() | Quota():
            return "quantity"
        case Coupon() | Custom():
            return None


def _in_nths(terms: Terms, reward: Reward, path: str) -> Iterator[Finding]:
    if reward.milestones and reward.every is not None:
        yield f"{path}.every", "The milestones say which ones grant; every would say it otherwise."
    if reward.milestones and reward.tiers:
        yield f"{path}.tiers", "The milestones say what each one grants; tiers would say it otherwise."
    ats = [milestone.at for milestone in reward.milestones]
    for n, at in enumerate(ats):
        if at in ats[:n]:
            yield f"{path}.milestones.{n}.at", f"Another milestone stands at {at} already."
    for n, (before, tier) in enumerate(zip(reward.tiers, reward.tiers[1:], strict=False), start=1):
        if tier.from_nth <= before.from_nth:
            yield f"{path}.tiers.{n}.from", f"Tiers ascend: this one must begin after {before.from_nth}."
    yield from beyond_reach(terms, reward, path)
