"""A customer's page in words: what `read_page` has read, said in one language, as the templates show it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from referral_service.journeys.telling.customer_view import CustomerView, RewardLine
from referral_service.programs.branding import Branding, filled
from referral_service.share.mine.channels import ChannelLink, channel_links
from referral_service.share.mine.read_page import FRIENDS_COUNTED_MAX, Friend, OpenCoupon, PageData
from referral_service.share.offer import offer_of
from referral_service.share.promised import Gift, Offer
from referral_service.share.voice import Voice
from referral_service.share.words.friends import friend_status, step_words
from referral_service.share.words.invite import offer_named
from referral_service.share.words.messages import Channel, Message, share_message
from referral_service.share.words.promise import badge_named, ladder, to_next
from referral_service.share.words.rewards import reward_name, reward_status
from referral_service.share.words.sharing import Note, amount_named, no_link_words, sharing_words, someone_since

# Of a reward that is there to be used, or was.
_IN_HAND = frozenset({"available", "used"})
_MONEY = frozenset({"credit", "percent"})


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the customer's code leads: `link` takes `?ch=…`; the pictures are served by this very site."""

    link: str
    qr_svg_path: str
    qr_png_path: str

    def by(self, channel: str) -> str:
        """The link as it is shared by a channel, so that its clicks are known as such."""
        return f"{self.link}?ch={channel}"


@dataclass(frozen=True, slots=True)
class SharePanel:
    """What there is to share, and how."""

    link: str
    native_link: str
    share_text: str
    channels: list[ChannelLink]
    qr_svg_url: str
    qr_png_url: str
    code: str | None


@dataclass(frozen=True, slots=True)
class StepLine:
    """A step with its tick."""

    label: str
    met: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A friend or a reward: what it is called, and where it stands."""

    name: str
    says: str
    done: bool
    initial: str | None = None
    steps: tuple[StepLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its name."""

    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Mark:
    """One step of a ladder."""

    label: str
    met: bool


@dataclass(frozen=True, slots=True)
class Milestones:
    """How far the next step is, if there is one, and the whole ladder."""

    says: str | None
    marks: list[Mark]


@dataclass(frozen=True, slots=True)
class CouponCard:
    """A coupon's code, and what it is good for."""

    code: str
    says: str


@dataclass(frozen=True, slots=True)
class Pause:
    """Why there is nothing to share."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """The owner's own way in: where it stands, and what comes of it."""

    says: str
    done: bool
    steps: tuple[StepLine, ...]
    rewards: list[Row]


@dataclass(frozen=True, slots=True)
class MyPage:
    """All that the page says. One of `panel` and `pause` is there."""

    headline: str
    promise: str
    notes: tuple[Note, ...]
    panel: SharePanel | None
    pause: Pause | None
    coupons: list[CouponCard]
    figures: list[Figure]
    milestones: list[Milestones]
    friends: list[Row]
    more_friends: str | None
    rewards: list[Row]
    more_rewards: str | None
    welcome: Welcome | None


def tell_page(voice: Voice, data: PageData, *, addresses: Addresses | None) -> MyPage:
    """Say a page. `addresses` are there where there is something to share."""
    program = data.branding.display_name or data.program_name
    offer = offer_of(data.terms, referrer_attributes=data.me.attributes)
    said = sharing_words(voice, offer, program=program, now=data.now)
    return MyPage(
        headline=said.headline,
        promise=said.lead,
        notes=said.notes,
        panel=None if addresses is None else _panel(voice, data, offer, addresses, program=program),
        pause=None if data.no_link is None else Pause(*no_link_words(voice, data.no_link)),
        coupons=[_coupon(voice, it, now=data.now) for it in data.coupons],
        figures=list(_figures(voice, data, offer)),
        milestones=[it for gift in (*offer.referrer, *offer.own) if (it := _milestones(voice, gift, data))],
        friends=[_friend(voice, friend, now=data.now) for friend in data.friends],
        more_friends=_latest(voice, len(data.friends)) if data.has_more_friends else None,
        rewards=_counted(_reward(voice, line, now=data.now) for line in data.rewards),
        more_rewards=_latest(voice, len(data.rewards)) if data.has_more_rewards else None,
        welcome=None if data.welcome is None else _welcome(voice, data.welcome, now=data.now),
    )


def _panel(voice: Voice, data: PageData, offer: Offer, addresses: Addresses, *, program: str) -> SharePanel:
    def message(channel: Channel) -> Message:
        link = addresses.by("native" if channel == "other" else channel)
        own = _own_text(voice, data, offer, program=program, link=link)
        return share_message(voice, offer, channel=channel, program=program, link=link, own_text=own)

    native = addresses.by("native")
    return SharePanel(
        link=addresses.by("copy"),
        native_link=native,
        # The device's own sheet adds the link by itself.
        share_text=share_message(
            voice,
            offer,
            channel="telegram",
            program=program,
            link=native,
            own_text=_own_text(voice, data, offer, program=program, link=native),
        ).text,
        channels=channel_links(voice, link=addresses.by, message=message),
        qr_svg_url=addresses.qr_svg_path,
        qr_png_url=addresses.qr_png_path,
        code=data.typed_code,
    )


def _own_text(voice: Voice, data: PageData, offer: Offer, *, program: str, link: str) -> str | None:
    """The program's own text; None where it has none, or names what there is not, such as a name that is not shown."""
    own = _text_in(data.branding, voice.locale)
    words = {"referrer": data.me.name, "program": program, "offer": offer_named(voice, offer), "link": link}
    if own is None or any(value is None and f"{{{name}}}" in own for name, value in words.items()):
        return None
    return filled(own, {name: value for name, value in words.items() if value is not None})


def _text_in(branding: Branding, locale: str) -> str | None:
    texts = branding.texts.get(locale)
    return None if texts is None else texts.share_message


def _coupon(voice: Voice, it: OpenCoupon, *, now: datetime) -> CouponCard:
    line = replace(it.line, expires_at=it.coupon.valid_until)
    if it.coupon.valid_from > now:
        status = voice.gettext("Valid from %(start)s.", start=voice.day(it.coupon.valid_from, now=now)).rstrip(".")
    else:
        status = reward_status(voice, line, now=now)
    return CouponCard(it.coupon.text, f"{reward_name(voice, line)} · {status}")


def _figures(voice: Voice, data: PageData, offer: Offer) -> Iterator[Figure]:
    to_spend, on_the_way = voice.gettext("To spend"), voice.gettext("On the way")
    # The program's own money first, then as the books have them.
    held = sorted(
        (balance for balance in data.balances if balance.available or balance.pending),
        key=lambda balance: balance.unit != offer.currency,
    )
    for balance in held:
        yield Figure(to_spend, _breakable(amount_named(voice, balance.unit, balance.available)))
        if balance.pending:
            yield Figure(on_the_way, _breakable(amount_named(voice, balance.unit, balance.pending)))
    if not held and any(gift.worth.kind in _MONEY for gift in offer.referrer):
        yield Figure(to_spend, _breakable(amount_named(voice, offer.currency, 0)))
    joined = voice.number(min(data.friends_joined, FRIENDS_COUNTED_MAX))
    yield Figure(voice.gettext("Friends"), joined + "+" * (data.friends_joined > FRIENDS_COUNTED_MAX))
    if data.conversions > 0:
        yield Figure(voice.gettext("Successful invitations"), voice.number(data.conversions))
    if data.rank is not None:
        yield Figure(voice.gettext("Your place"), voice.number(data.rank))


def _milestones(voice: Voice, gift: Gift, data: PageData) -> Milestones | None:
    if not gift.milestones and not gift.tiers:
        return None
    done = data.ordinals.get(gift.key, 0)
    marks = [
        Mark(_breakable(rung.text if rung.badge is None else f"{rung.text}, {rung.badge}"), rung.is_reached)
        for rung in ladder(voice, gift, done=done)
    ]
    says = None if data.no_link == "ended" else to_next(voice, gift, done=done)
    return Milestones(says, marks) if says or marks else None


def _friend(voice: Voice, friend: Friend, *, now: datetime) -> Row:
    view = friend.view
    has_news = view.state == "waiting" and len(view.steps) > 1
    return Row(
        name=friend.name or someone_since(voice, view.joined_at, now=now),
        says=friend_status(voice, view, now=now),
        done=view.state == "done",
        initial=friend.name[:1].upper() if friend.name else None,
        # One step is what the line above says.
        steps=_steps(voice, view) if has_news else (),
    )


def _steps(voice: Voice, view: CustomerView) -> tuple[StepLine, ...]:
    return tuple(
        StepLine(step.label if step.progress is None else f"{step.label}: {step.progress}", step.is_met)
        for step in step_words(voice, view)
    )


def _reward(voice: Voice, line: RewardLine, *, now: datetime) -> Row:
    name = reward_name(voice, line)
    return Row(
        name=name if line.badge is None else f"{name}, {badge_named(voice, line.badge)}",
        says=reward_status(voice, line, now=now),
        done=line.state in _IN_HAND,
    )


def _counted(rows: Iterable[Row]) -> list[Row]:
    """Say what is the same but once: "250 points x 4"."""
    counts = Counter(rows)
    times = "\N{MULTIPLICATION SIGN}"
    return [row if count == 1 else replace(row, name=f"{row.name} {times} {count}") for row, count in counts.items()]


def _breakable(amount: str) -> str:
    """In a narrow box the unit goes to the next line, rather than a part of the number."""
    return amount.replace("\N{NO-BREAK SPACE}", " ")


def _welcome(voice: Voice, view: CustomerView, *, now: datetime) -> Welcome:
    return Welcome(
        says=friend_status(voice, view, now=now),
        done=view.state == "done",
        steps=_steps(voice, view) if view.state == "waiting" else (),
        # Those that were granted stand among the rewards.
        rewards=[_reward(voice, line, now=now) for line in view.rewards if line.state == "expected"],
    )


def _latest(voice: Voice, number: int) -> str:
    return voice.gettext("The latest %(number)s are shown.", number=voice.number(number))
