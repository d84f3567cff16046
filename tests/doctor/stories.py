"""One of everything that may happen to a referral, told to a book."""

from __future__ import annotations

from datetime import timedelta

from doctor.book import Book
from doctor.rows import CONTEST, DAY, GIFTS, NOW, START, Row

CREDIT = {"thanks": ("credit", "USD", 1000), "welcome": ("points", "points", 500)}
BOUGHT = START + DAY


Story = tuple[Row, Row, dict[str, Row]]
Handles = dict[str, str]


def commission(amount: int) -> dict[str, tuple[str, str, int]]:
    """12.50% of the purchase, half up, 25.00 at most."""
    return {"share": ("percent", "USD", min((amount * 25 + 100) // 200, 2500))}


def converted(book: Book, referrer: str, amount: int = 5000) -> Story:
    referral = book.claim(book.at_once, referrer)
    purchase = book.buy(referral["referee_id"], amount, at=BOUGHT)
    return referral, purchase, book.convert(referral, purchase, CREDIT)


def held(book: Book, referrer: str, amount: int = 4321) -> Story:
    referral = book.claim(book.held, referrer)
    # A later and a smaller purchase do not count.
    book.buy(referral["referee_id"], 1999, at=BOUGHT - DAY / 2)
    purchase = book.buy(referral["referee_id"], amount, at=BOUGHT)
    book.buy(referral["referee_id"], 9000, at=BOUGHT + DAY)
    return referral, purchase, book.convert(referral, purchase, commission(amount))


def waiting(book: Book, referrer: str) -> Row:
    referral = book.claim(book.held, referrer)
    book.buy(referral["referee_id"], 9000, at=BOUGHT, currency="EUR")
    return referral


def expired(book: Book, referrer: str) -> Row:
    referral = book.claim(book.held, referrer)
    book.end(referral, "expired", at=START + 91 * DAY, reason="deadline_passed")
    book.buy(referral["referee_id"], 9000, at=START + 91 * DAY)
    return referral


def partly_refunded(book: Book, referrer: str) -> Story:
    referral, purchase, rewards = converted(book, referrer, 6000)
    book.refund(purchase, 1999, at=BOUGHT + DAY)
    book.rows["conversions"][-1]["refunded_minor"] = 1999
    book.take_back(rewards["thanks"], 333, seq=1, at=BOUGHT + DAY)
    book.take_back(rewards["welcome"], 167, seq=1, at=BOUGHT + DAY)
    return referral, purchase, rewards


def voided(book: Book, referrer: str) -> Story:
    referral, purchase, rewards = held(book, referrer)
    # What is left of it is below the minimum.
    book.refund(purchase, 3000, at=BOUGHT + DAY)
    book.rows["conversions"][-1]["refunded_minor"] = 3000
    book.end(referral, "reversed", at=BOUGHT + DAY, reason="below_minimum")
    reward = rewards["share"]
    if reward["state"] != "capped":
        book.take_back(reward, reward["granted"], seq=1, at=BOUGHT + DAY)
        book.anchors[book.held, "share", reward["recipient_id"]]["used_count"] -= 1
    return referral, purchase, rewards


def disputed(book: Book, referrer: str, outcome: str) -> Story:
    referral, purchase, rewards = converted(book, referrer)
    book.redeem(rewards["thanks"], 400, at=BOUGHT + timedelta(hours=1))
    book.dispute(purchase, "opened", at=BOUGHT + DAY)
    book.end(referral, "reversed", at=BOUGHT + DAY, reason="dispute_opened")
    for reward in rewards.values():
        book.take_back(reward, reward["granted"], seq=1, at=BOUGHT + DAY)
    book.dispute(purchase, outcome, at=BOUGHT + 2 * DAY)
    if outcome == "won":
        book.end(referral, "converted", at=BOUGHT + 2 * DAY, reason="dispute_won")
        book.restore(rewards["welcome"], at=BOUGHT + 2 * DAY)
        _restore_in_parts(book, rewards["thanks"], debt=400)
    return referral, purchase, rewards


def _restore_in_parts(book: Book, reward: Row, *, debt: int) -> None:
    """What had become a debt is forgiven first; the rest goes back into the lot."""
    owner, amount, at = reward["recipient_id"], reward["granted"], BOUGHT + 2 * DAY
    legs = [(reward["program_id"], "expense", -debt), (owner, "debt", debt)]
    legs += [(reward["program_id"], "expense", debt - amount), (owner, "available", amount - debt)]
    txn = book.post("restore", reward["id"], 1, reward["unit"], legs, at)
    book.move(txn, book.lot_of(reward), amount - debt)
    reward["reversed"] = 0
    book.announce(reward, "reward.restored", "available", at, reason="dispute_won")


def redeemed(book: Book, referrer: str) -> Story:
    referral, purchase, rewards = converted(book, referrer)
    book.redeem(rewards["thanks"], 600, at=BOUGHT + DAY)
    book.redeem(rewards["thanks"], 400, at=BOUGHT + 2 * DAY)
    return referral, purchase, rewards


def capped(book: Book) -> list[Story]:
    """The fourth of a referrer whose cap is three."""
    referrer = book.customer()
    return [held(book, referrer) for _ in range(4)]


def not_new(book: Book, referrer: str) -> Row:
    """A claim that was accepted, until an old purchase of the referee became known."""
    referral = book.claim(book.held, referrer)
    book.buy(referral["referee_id"], 500, at=START - 8 * DAY)
    book.end(referral, "rejected", at=START + DAY, reason="not_new")
    return referral


def contest(book: Book) -> dict[str, Row]:
    """Two share the first prize, so the one after them is third. Gives the prizes by who has them."""
    program = book.program(book.new("contest"), CONTEST)
    prizes = {}
    for name, conversions, rank, amount in (("first", 2, 1, 50000), ("other", 2, 1, 50000), ("third", 1, 3, 10000)):
        referrer = book.customer()
        for _ in range(conversions):
            referral = book.claim(program, referrer)
            book.convert(referral, book.buy(referral["referee_id"], 5000, at=BOUGHT), {})
        prizes[name] = book.award(program, referrer, rank, amount, at=BOUGHT + DAY)
    book.rows["programs"][-1] |= {"status": "ended", "ends_at": BOUGHT + DAY, "ended_at": BOUGHT + DAY}
    return prizes


def gifts(book: Book) -> Handles:
    """One coupon of each fate; gives the ids of rewards and coupons."""
    program = book.program(book.new("gifts"), GIFTS)
    told: Handles = {}
    for name in ("unused", "used", "over", "revoked", "used_up"):
        referral = book.claim(program, book.customer())
        purchase = book.buy(referral["referee_id"], 5000, at=BOUGHT)
        book.convert(referral, purchase, {})
        reward, coupon = book.give_coupon(referral, "gift", at=BOUGHT, expires_at=BOUGHT + 30 * DAY)
        if name in ("used", "used_up"):
            book.use_coupon(reward, coupon, at=BOUGHT + DAY)
        if name == "over":
            book.end_reward(reward, coupon, "expired", at=BOUGHT + 30 * DAY)
        if name in ("revoked", "used_up"):
            book.refund(purchase, 5000, at=BOUGHT + 2 * DAY)
            book.rows["conversions"][-1]["refunded_minor"] = 5000
            book.end(referral, "reversed", at=BOUGHT + 2 * DAY, reason="refunded")
            book.end_reward(reward, coupon, "clawed_back", at=BOUGHT + 2 * DAY)
            book.anchors[program, "gift", reward["recipient_id"]]["used_count"] -= 1
        told |= {f"{name}_gift": reward["id"], f"{name}_coupon": coupon["id"]}
    return told


def everything(book: Book) -> Handles:
    """Every story once; gives the ids by which each is found again: `held_referral`, `held_purchase`, `held_share`."""
    told: Handles = {}
    stories: dict[str, Story] = {
        "converted": converted(book, book.customer()),
        "partly": partly_refunded(book, book.customer()),
        "redeemed": redeemed(book, book.customer()),
        "won": disputed(book, book.customer(), "won"),
        "lost": disputed(book, book.customer(), "lost"),
        "held": held(book, book.customer()),
        "voided": voided(book, book.customer()),
        "capped": capped(book)[-1],
    }
    for name, (referral, purchase, rewards) in stories.items():
        told |= {f"{name}_referral": referral["id"], f"{name}_purchase": purchase["id"]}
        told |= {f"{name}_referrer": referral["referrer_id"], f"{name}_referee": referral["referee_id"]}
        told |= {f"{name}_{key}": reward["id"] for key, reward in rewards.items()}
    for name, story in {"waiting": waiting, "expired": expired, "not_new": not_new}.items():
        referral = story(book, book.customer())
        told |= {f"{name}_referral": referral["id"], f"{name}_referee": referral["referee_id"]}
    for name, prize in contest(book).items():
        told |= {f"{name}_prize": prize["id"], f"{name}_winner": prize["recipient_id"]}
        told["contest_program"] = prize["program_id"]
    told |= gifts(book)
    refused = book.refuse(book.at_once, book.customer(), told["converted_referee"], reason="already_referred")
    told["refused_referral"] = refused["id"]
    book.refuse(book.at_once, told["converted_referrer"], told["converted_referrer"], reason="self_referral")
    return told | endpoints(book)


def endpoints(book: Book) -> Handles:
    """Endpoints in every state, with what waits for them."""
    works, fails = book.endpoint(), book.endpoint()
    book.deliver("scheduled", to=works)
    fails |= {"failures": 6, "failing_since": NOW - DAY, "paused_until": NOW + timedelta(seconds=10)}
    off = book.endpoint()
    book.deliver("dead", to=off)
    book.switch_off(off, "by_app")
    book.deliver("disabled", to=off)
    gone = book.endpoint()
    book.delete_endpoint(gone)
    return {"works": works["id"], "fails": fails["id"], "off": off["id"], "gone": gone["id"]}


def besides(book: Book) -> None:
    book.audit(5)
    book.deliver("done")
    book.deliver("leased", next_attempt_at=NOW + timedelta(seconds=20))
    book.receive("parked", reason="no_referral")
    book.receive("ignored")
    book.receive("received", at=NOW - timedelta(minutes=5))
