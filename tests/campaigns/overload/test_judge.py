"""The judge of the overload campaign sees each thing that may go wrong: what he is shown here, nobody has run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from campaigns.crowd import Told, quantile
from campaigns.overload.campaign import Campaign, Part, size
from campaigns.overload.judge import judge
from campaigns.pulse import Beat, Pulse

ACCEPTED = [Told(f"o-{number}", 0.0, 0.1, 200) for number in range(5)]
REFUSED = Told("o-9", 0.0, 0.01, 503, "overloaded", "1")


class Books:
    """What is stored."""

    def __init__(self) -> None:
        self.stored = Counter({f"o-{number}": 1 for number in (0, 1, 2, 3, 4, 9)})
        self.wrong: list[str] = []

    def orders(self) -> Counter[str]:
        return self.stored

    def violations(self, _clock: Any) -> list[str]:
        return self.wrong


def a_campaign() -> Campaign:
    """Return one in which all went well."""
    made = Campaign(Books(), "http://shop.test", size(), capacity_per_second=10)  # type: ignore[arg-type]
    pulse = Pulse([], [])
    pulse.beats = [Beat(0.0, "/healthz", 200, 0.01), Beat(0.0, "/readyz", 503, 2.0)]
    made.parts = [Part("storm", 30, 1, told=[*ACCEPTED, REFUSED], pulse=pulse, normal_after_seconds=0.1)]
    made.again = [replace(REFUSED, status=200, code=None)]
    made.orders = {it.order for it in made.parts[0].told}
    made.acknowledged = set(made.orders)
    return made


def test_he_is_content_with_what_went_well() -> None:
    assert judge(a_campaign()) == []


def _told(told: Told) -> Callable[[Campaign], None]:
    return lambda campaign: campaign.parts[0].told.append(told)


def _beat(beat: Beat) -> Callable[[Campaign], None]:
    return lambda campaign: campaign.parts[0].pulse.beats.append(beat)  # type: ignore[union-attr]


def _part(**changed: Any) -> Callable[[Campaign], None]:
    def change(campaign: Campaign) -> None:
        campaign.parts[0] = replace(campaign.parts[0], **changed)

    return change


def _stored(order: str, times: int | None) -> Callable[[Campaign], None]:
    def change(campaign: Campaign) -> None:
        if times is None:
            del campaign.shop.orders()[order]
        else:
            campaign.shop.orders()[order] = times

    return change


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (_told(Told("o-1", 0.0, 0.1, 500, "internal_error")), "1 times 500 internal_error"),
        (_told(Told("o-1", 0.0, 30.0, 0, "TimeoutError")), "1 times 0 TimeoutError"),
        (_told(replace(REFUSED, retry_after=None)), "1 times 503 overloaded"),
        (_told(Told("o-1", 0.0, 29.0, 200)), "an answer took 29.0 s"),
        (_part(told=ACCEPTED), "nobody was refused"),
        (_part(lost={"o-1"}), "o-1 is acknowledged and not there"),
        (_part(normal_after_seconds=None), "normal again after None"),
        (_part(normal_after_seconds=5.5), "normal again after 5.5"),
        (_beat(Beat(0.0, "/healthz", 503, 0.1)), "health answered 503"),
        (_beat(Beat(0.0, "/healthz", 200, 6.0)), "health answered 200 after 6.0 s"),
        (_beat(Beat(0.0, "/readyz", 500, 0.1)), "readiness answered 500"),
        (_beat(Beat(0.0, "/readyz", 503, 9.0)), "readiness answered 503 after 9.0 s"),
        (_stored("o-1", None), "lost: o-1"),
        (_stored("o-1", 0), "o-1 was rewarded 0 times"),
        (_stored("o-1", 2), "o-1 was rewarded 2 times"),
        (_stored("o-77", 1), "made up: o-77"),
    ],
)
def test_he_sees_what_went_wrong(harm: Callable[[Campaign], None], said: str) -> None:
    campaign = a_campaign()
    harm(campaign)
    assert any(said in complaint for complaint in judge(campaign)), judge(campaign)


def test_the_time_that_most_answers_took() -> None:
    told = [Told("o", 0.0, float(number), 200) for number in range(1, 101)]
    assert (quantile(told, 0.5), quantile(told, 0.99), quantile(told, 1), quantile([], 0.5)) == (50, 99, 100, 0)
