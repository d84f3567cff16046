"""What must be true after an overload, however it went."""

from __future__ import annotations

from collections import Counter

from campaigns.overload.campaign import Campaign, Part

from referral_service.kit.clock import SystemClock
from referral_service.kit.db.engines import LOCK_WAIT_SECONDS, POOL_WAIT_SECONDS
from referral_service.kit.http.ingress.gate import WAIT_SECONDS_MAX

# What the work itself and a machine that has others to serve may add. Nothing is timed here but that there is a bound.
SLACK_SECONDS = 5.0
HEALTH_SECONDS_MAX = 5.0


def judge(campaign: Campaign) -> list[str]:
    """Return what is wrong: nothing where all is well."""
    wrong = [complaint for part in campaign.parts for complaint in _of(part, campaign)]
    storm = campaign.parts[0]
    if not any(it.is_refused_well for it in storm.told):
        wrong.append(f"{storm.name}: nobody was refused, so it was no overload")
    wrong += [f"sent again: {it.order} answered {it.status} {it.code}" for it in campaign.again if not it.is_accepted]
    stored = campaign.shop.orders()
    wrong += [f"lost: {order} was acknowledged" for order in sorted(campaign.acknowledged - stored.keys())[:5]]
    wrong += [f"made up: {order}" for order in sorted(stored.keys() - campaign.orders)[:5]]
    wrong += [f"{order} was rewarded {times} times" for order, times in stored.items() if times != 1][:5]
    return wrong + campaign.shop.violations(SystemClock())


def _of(part: Part, campaign: Campaign) -> list[str]:
    wrong = [f"{part.name}: {order} is acknowledged and not there" for order in sorted(part.lost)[:5]]
    otherwise = Counter((it.status, it.code) for it in part.told if not it.is_accepted and not it.is_refused_well)
    wrong += [f"{part.name}: {times} times {status} {code}" for (status, code), times in otherwise.items()]
    # Who is let in last has waited his turn, then for the one connection that writes, then for its lock.
    bound = WAIT_SECONDS_MAX + POOL_WAIT_SECONDS + LOCK_WAIT_SECONDS + SLACK_SECONDS
    slowest = max(it.seconds - it.late_seconds for it in part.told)
    if slowest > bound:
        wrong.append(f"{part.name}: an answer took {slowest:.1f} s, more than {bound:.0f}")
    if part.normal_after_seconds is None or part.normal_after_seconds > campaign.size.calm_seconds:
        wrong.append(f"{part.name}: normal again after {part.normal_after_seconds} s")
    assert part.pulse is not None
    for beat in part.pulse.of("/healthz"):
        if beat.status != 200 or beat.seconds > HEALTH_SECONDS_MAX:
            wrong.append(f"{part.name}: health answered {beat.status} after {beat.seconds:.1f} s")
    for beat in part.pulse.of("/readyz"):
        if beat.status not in {200, 503} or beat.seconds > HEALTH_SECONDS_MAX:
            wrong.append(f"{part.name}: readiness answered {beat.status} after {beat.seconds:.1f} s")
    return wrong
