"""What must be true after campaign 14, and its figures."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from campaigns.outbound.campaign import Campaign
from campaigns.outbound.nursery import PACE
from sqlalchemy import select

from referral_service.doctor.run import examine
from referral_service.notifications.models import Notification
from referral_service.webhooks_out.deliveries.courier import TAKE_BACK_SECONDS
from referral_service.webhooks_out.endpoints.event_types import DISABLED_TYPE, is_wanted
from referral_service.webhooks_out.endpoints.policy import CALLS_AT_ONCE_MAX
from referral_service.webhooks_out.models import Delivery
from referral_service.webhooks_out.states import DONE

PROMPT = timedelta(seconds=1)
# A message goes through about so many hands: a turn ends, the next one settles, claims and reads, it is sent, received
# and noted. Where each must wait for a busy machine, as the metronome must, it may take that much longer; on one that
# has time this grants some hundredths of a second.
HANDS = 8
# What a killed worker had in its hand comes when its lease has ended and somebody has looked.
TAKEN_BACK = PACE.lease + timedelta(seconds=TAKE_BACK_SECONDS)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wrong` is empty where all is well; each complaint begins with its kind."""

    wrong: list[str]
    figures: str


@dataclass(slots=True)
class Waited:
    """How long messages took to the healthy endpoint.

    `in_hand`: those that a killed worker had. `behind`: those that waited since a dead worker held some of the
    endpoint's five places: more than five may not be under way, and nobody knows yet that those are not. `slack` is
    what was granted to any of them since the machine was busy.
    """

    longest: timedelta = timedelta(0)
    slack: timedelta = timedelta(0)
    in_hand: int = 0
    behind: int = 0
    wrong: list[str] = field(default_factory=list)


def judge(campaign: Campaign) -> Verdict:
    """Look at all that was announced, stored and received."""
    told, sent = campaign.database.read(
        lambda session: (
            session.scalars(select(Notification).order_by(Notification.position)).all(),
            session.scalars(select(Delivery)).all(),
        )
    )
    wanted = {
        receiver.path: {row.id for row in told if is_wanted(receiver.wants, row.type)}
        for receiver in campaign.receivers
    }
    lost = {receiver.path: wanted[receiver.path] - receiver.taken for receiver in campaign.receivers}
    wrong: list[str] = []
    for receiver in campaign.receivers:
        name = receiver.path
        if lost[name]:
            wrong.append(f"lost: {len(lost[name])} of {len(wanted[name])} never arrived at {name}")
        if made_up := receiver.taken - wanted[name]:
            wrong.append(f"made up: {len(made_up)} arrived at {name} that it did not want")
        wrong += [f"forged: {one} at {name}" for one in receiver.forged[:3]]
        if receiver.most_at_once > CALLS_AT_ONCE_MAX:
            wrong.append(f"at once: {receiver.most_at_once} were under way to {name}")
    kills = len(campaign.kills)
    again = {receiver.path: len(receiver.taken_again()) for receiver in campaign.receivers}
    # What was answered 2xx and not yet written down when the worker died; with few notifications that is no share of
    # theirs, but of the hands that held them.
    again_max = max(len(told) // 100, CALLS_AT_ONCE_MAX * kills)
    if sum(again.values()) > again_max:
        wrong.append(f"twice: {again} arrived once more than needed, and not at most {again_max}")
    undone = Counter((row.state, row.endpoint_id) for row in sent if row.state != DONE)
    wrong += [f"undone: {count} are {state} for {endpoint}" for (state, endpoint), count in undone.items()]
    if len(sent) != sum(map(len, wanted.values())):
        wrong.append(f"undone: {len(sent)} deliveries, not {sum(map(len, wanted.values()))}")
    if campaign.died > len(told) // 100:
        wrong.append(f"died: {campaign.died} failed ten times in a row")
    off = Counter(row.object_id for row in told if row.type == DISABLED_TYPE)
    for receiver in (campaign.gone, campaign.dead):
        if off[campaign.endpoints[receiver.path].id] != 1:
            wrong.append(
                f"silent: that {receiver.path} is off was told {off[campaign.endpoints[receiver.path].id]} times"
            )
    if [row.position for row in told] != list(range(1, len(told) + 1)):
        wrong.append("gap: the positions are not 1, 2, 3 …")
    if any(campaign.exit_codes):
        wrong.append(f"ended: the workers ended with {campaign.exit_codes}")
    waited = _waited(campaign, {row.notification_id: row for row in sent if row.endpoint_id == _healthy(campaign)})
    wrong += waited.wrong[:3]
    wrong += _doctors(campaign)
    attempts = sum(len(receiver.arrivals) for receiver in campaign.receivers)
    most = max(receiver.most_at_once for receiver in campaign.receivers)
    return Verdict(
        wrong,
        f"{len(told)} notifications, {len(sent)} deliveries, {attempts} requests, {kills} kills: "
        f"{sum(map(len, lost.values()))} lost, {sum(again.values())} twice, "
        f"{campaign.died} dead after ten attempts and asked for again, "
        f"at most {most} under way to one; to the healthy one {waited.longest.total_seconds():.2f} s at most "
        f"(granted to a busy machine: {waited.slack.total_seconds():.2f} s), but for {waited.in_hand} in the hand of "
        f"the killed and {waited.behind} behind those",
    )


def _healthy(campaign: Campaign) -> str:
    return campaign.endpoints[campaign.healthy.path].id


def _waited(campaign: Campaign, sent: dict[str, Delivery]) -> Waited:
    came: dict[str, datetime] = {}
    for arrival in campaign.healthy.arrivals:
        came.setdefault(arrival.id, arrival.at)
    pairs = [(row, came[row.notification_id]) for row in sent.values() if row.notification_id in came]
    # Whether it had arrived or not when the worker died: its place was free again when another sent it once more.
    taken_back = [(row.created_at, row.last_attempt_at or row.created_at) for row, _ in pairs if row.attempts > 1]
    held = [kill for kill in campaign.kills if any(since <= kill <= until for since, until in taken_back)]
    waited = Waited()
    for row, at in pairs:
        took, slack = at - row.created_at, HANDS * campaign.metronome.slowest(row.created_at, at)
        may = PROMPT + slack
        if row.attempts > 1:
            waited.in_hand += 1
            may += TAKEN_BACK
        elif took > may and any(kill - PROMPT <= at and row.created_at <= kill + TAKEN_BACK + PROMPT for kill in held):
            waited.behind += 1
            may += TAKEN_BACK
        else:
            waited.longest, waited.slack = max(waited.longest, took), max(waited.slack, slack)
        if took > may:
            waited.wrong.append(f"late: {took} to the healthy endpoint, where {may} would be much")
    if waited.in_hand > CALLS_AT_ONCE_MAX * len(campaign.kills):
        waited.wrong.append(f"late: {waited.in_hand} were in the hands of {len(campaign.kills)} killed workers")
    return waited


def _doctors(campaign: Campaign) -> list[str]:
    """What the doctor finds. Not I15: the tests' own PostgreSQL is set up to forget."""
    report = campaign.database.read(lambda session: examine(session, settings=None, now=campaign.clock.now()))
    checks = [check for check in report.checks if check.invariant != "I15"]
    return [f"doctor: {check.invariant} {one.object_id}: {one.says}" for check in checks for one in check.violations]
