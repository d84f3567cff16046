"""A customer's share page: what to share, where each friend stands, and what has come of it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from journeys.under_review import put_under_review
from share.page_seen import PageSeen
from share.sharing import a_recipe, a_token, branded, friends, page

from builders import Api, a_claim, a_code, a_customer, a_program, a_purchase, a_refund, both_sides, credit, expect
from cast import ALICE, BOB, CAROL, MALLORY
from referral_service.kit.clock import FixedClock, format_rfc3339
from referral_service.kit.db.engines import Database
from referral_service.programs.load_recipe import recipe_names
from referral_service.share.languages import LOCALES
from referral_service.tenants.open_app import OpenedApp

CHANNELS = {
    "whatsapp": ("wa.me", "text"),
    "telegram": ("t.me", "url"),
    "viber": ("forward", "text"),
    "x": ("x.com", "url"),
    "facebook": ("www.facebook.com", "u"),
    "email": ("", "body"),
    "sms": ("", "body"),
}


def hrefs(of: PageSeen) -> dict[str, str]:
    """Where the buttons lead, by channel."""
    return {
        str(attributes["data-channel"]): str(attributes["href"])
        for tag, attributes in of.elements
        if tag == "a" and "data-channel" in attributes
    }


def attribute(of: PageSeen, name: str) -> list[str]:
    """The values of an attribute, in the page's order."""
    return [str(attributes[name]) for _, attributes in of.elements if name in attributes]


def figures(of: PageSeen) -> dict[str, str]:
    """The numbers by their names."""
    said = of.after("What you have earned")
    shown = said[: said.index("Your friends")]
    return dict(zip(shown[::2], shown[1::2], strict=False))


# --- what there is to share ------------------------------------------------------------------------------------


def test_the_page_promises_both_sides_their_gift(api: Api) -> None:
    shown = page(api, a_token(api, a_program(api)))
    assert "Give $5.00, get $10.00" in shown.texts
    assert "You get $10.00 for each friend who places a first order." in shown.texts


def test_the_link_is_shared_by_every_channel_with_its_tag(api: Api) -> None:
    program = a_program(api)
    token, code = a_token(api, program), a_code(api, program)
    shown = page(api, token)
    link = code["invite_url"]
    assert attribute(shown, "value") == [f"{link}?ch=copy"]
    assert attribute(shown, "data-copy") == [f"{link}?ch=copy"]
    assert attribute(shown, "data-share") == [f"{link}?ch=native"]
    assert list(hrefs(shown)) == list(CHANNELS)
    for channel, href in hrefs(shown).items():
        host, parameter = CHANNELS[channel]
        parts = urlsplit(href)
        assert parts.netloc == host
        (said,) = parse_qs(parts.query.lstrip("&"))[parameter]
        assert said.count(f"{link}?ch={channel}") == 1
        assert "+" not in parts.query
    assert "I recommend Ride credit. Get $5.00 for your first order." in unquote(hrefs(shown)["whatsapp"])
    assert "An invitation to Ride credit" in unquote(hrefs(shown)["email"])
    assert code["code"] in shown.texts
    assert attribute(shown, "src")[-1] == f"/q/{code['signed_code']}.svg"
    assert shown.links["Download for print"] == f"/q/{code['signed_code']}.png"


def test_a_program_with_a_page_of_its_own_has_its_landing_page_shared(api: Api) -> None:
    program = branded(api, a_program(api), links_lead_to="landing_page")
    link = a_code(api, program)["share_url"]
    shown = page(api, a_token(api, program))
    assert attribute(shown, "data-copy") == [f"{link}?ch=copy"]
    assert f"{link}?ch=whatsapp" in unquote(hrefs(shown)["whatsapp"])
    assert not any("/i/" in str(value) for _, attributes in shown.elements for value in attributes.values())


def test_links_to_other_sites_open_apart_and_tell_nothing_of_this_page(api: Api) -> None:
    shown = page(api, a_token(api, a_program(api)))
    for tag, attributes in shown.elements:
        href = attributes.get("href") or ""
        if tag == "a" and "data-channel" in attributes:
            assert attributes["rel"] == "noopener noreferrer"
            assert (attributes.get("target") == "_blank") == href.startswith("https://")


def test_a_code_is_not_named_where_only_links_count(api: Api) -> None:
    program = a_program(api)
    expect(api.patch(f"/v1/programs/{program['id']}", {"signed_links_only": True}), 200)
    assert a_code(api, program)["code"] not in page(api, a_token(api, program)).texts


@pytest.mark.parametrize(
    ("opted_in", "said"),
    [(True, "Alice gives you $5.00 at Ride: "), (False, "I recommend Ride. Get $5.00 for your first order. ")],
)
def test_a_programs_own_message_names_whoever_agreed(api: Api, opted_in: bool, said: str) -> None:
    texts = {"en": {"share_message": "{referrer} gives you {offer} at {program}: {link}"}}
    program = branded(api, a_program(api), display_name="Ride", texts=texts)
    a_customer(api, ALICE, invite_name_opt_in=opted_in)
    shown = page(api, a_token(api, program))
    assert unquote(hrefs(shown)["sms"]).startswith(f"sms:?&body={said}")
    assert attribute(shown, "data-text") == [said.removesuffix(" ")]
    # In another language the program has said nothing.
    other = page(api, a_token(api, program), lang="uk")
    assert "Рекомендую «Ride»." in unquote(hrefs(other)["sms"])


# --- friends -----------------------------------------------------------------------------------------------------


def test_each_friend_stands_where_explain_says(
    api: Api, database: Database, tenant: OpenedApp, clock: FixedClock
) -> None:
    program = a_program(api, rewards=both_sides(hold_days=14), qualification={"within_days": 12})
    code = a_code(api, program)
    people = friends(6)
    for person in people:
        a_customer(api, person, invite_name_opt_in=True)
    bought, refunded, checked, late, open_still, refused = people
    a_purchase(api, customer=refused, at=api.now() - timedelta(days=30))
    assert api.post("/v1/referrals", {"code": code["code"], "referee": refused.document()}).status_code == 409
    a_claim(api, code, referee=late)
    clock.advance(timedelta(days=12, seconds=1))
    for person in (bought, refunded, checked, open_still):
        claim = a_claim(api, code, referee=person)
        if person is checked:
            put_under_review(database, api, claim, app_id=tenant.tenant.app_id)
    a_purchase(api, customer=bought)
    a_purchase(api, customer=refunded, order_id="o-back")
    a_refund(api, order_id="o-back")
    said = page(api, a_token(api, program)).after("Your friends")
    assert dict(zip(said[:12:2], said[1:12:2], strict=True)) == {
        "Name 0": "Bought, your reward arrives on March 27",
        "Name 1": "Cancelled",
        "Name 2": "Being checked",
        "Name 3": "Expired",
        "Name 4": "Waiting for the first order, 12 days left",
        "Name 5": "Not counted",
    }


def test_several_steps_are_ticked_one_by_one(api: Api) -> None:
    steps = [{"key": "up", "event": "signed_up"}, {"key": "buy", "event": "purchase"}]
    program = a_program(api, qualification={"steps": steps})
    a_claim(api, a_code(api, program))
    fact = {"id": "e-up", "type": "signed_up", "customer_id": "bob", "occurred_at": format_rfc3339(api.now())}
    expect(api.post("/v1/events", fact), 200, 201)
    assert page(api, a_token(api, program)).after("Your friends")[1:6] == [
        "Waiting for the first order, 90 days left",
        "Sign-up",
        "(done)",
        "First order",
        "(not yet)",
    ]


def test_a_friend_is_named_only_where_the_friend_agreed(api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    a_customer(api, BOB, invite_name_opt_in=True)
    a_customer(api, CAROL)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    shown = page(api, a_token(api, program))
    assert "Bob" in shown.texts
    assert "A friend, since March 1" in shown.texts
    assert "Carol" not in shown.text


def test_an_erased_friend_is_a_friend_without_a_name(api: Api) -> None:
    program = a_program(api)
    a_customer(api, BOB, invite_name_opt_in=True)
    a_claim(api, a_code(api, program))
    expect(api.delete("/v1/customers/bob"), 204)
    shown = page(api, a_token(api, program))
    assert "A friend, since March 1" in shown.texts
    assert "Bob" not in shown.text


def test_nothing_of_a_friend_but_where_they_stand_is_told(api: Api, database: Database, tenant: OpenedApp) -> None:
    program = a_program(api)
    code = a_code(api, program)
    claims = [a_claim(api, code, referee=person) for person in (BOB, CAROL)]
    put_under_review(database, api, claims[1], app_id=tenant.tenant.app_id)
    a_purchase(api, customer=BOB, amount_minor=7777)
    api.post("/v1/referrals", {"code": code["code"], "referee": ALICE.document()})
    token = a_token(api, program)
    for path in (f"/me/{token}", f"/me/{token}/embed"):
        markup = api.with_key(None).get(path).get_data(as_text=True).replace(token, "")
        for secret in ("@example.com", "cus_", "ref_0", "rwd_", "prg_", "velocity", "review", "77.77"):
            assert secret not in markup
        for person in (ALICE, BOB, CAROL):
            assert person.customer_id not in markup
            assert person.display_name not in markup


def test_ones_own_code_makes_no_friend_of_oneself(api: Api) -> None:
    program = a_program(api)
    api.post("/v1/referrals", {"code": a_code(api, program)["code"], "referee": ALICE.document()})
    assert (
        "Nobody yet. Share your link, and you will see here how far each friend has come."
        in page(api, a_token(api, program)).texts
    )


def test_the_latest_fifty_friends_are_shown_and_all_are_counted(api: Api) -> None:
    program = a_program(api)
    code = a_code(api, program)
    for person in friends(51):
        a_customer(api, person, invite_name_opt_in=True)
        a_claim(api, code, referee=person)
    shown = page(api, a_token(api, program))
    assert [f"Name {n}" for n in range(51) if f"Name {n}" in shown.texts] == [f"Name {n}" for n in range(1, 51)]
    assert "The latest 50 are shown." in shown.texts
    assert figures(shown)["Friends"] == "51"


# --- what has come of it -----------------------------------------------------------------------------------------


def test_rewards_balances_and_the_own_rank(api: Api) -> None:
    points = {"key": "joined", "side": "referrer", "on": "claimed", "give": {"kind": "points", "quantity": 50}}
    held = credit(key="held", side="referrer", amount_minor=700, hold_days=9)
    program = a_program(api, rewards=[*both_sides(), held, points])
    code = a_code(api, program)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
    a_purchase(api)
    shown = page(api, a_token(api, program))
    assert figures(shown) == {
        "To spend": "100 points",
        "On the way": "$7.00",
        "Friends": "2",
        "Successful invitations": "1",
        "Your place": "1",
    }
    assert "$10.00" in shown.texts
    said = shown.after("Your rewards")
    assert ("$7.00", "On its way, arrives on March 10") in pairwise(said)
    assert ("50 points \N{MULTIPLICATION SIGN} 2", "Yours") in pairwise(said)


def test_the_rank_is_among_all_and_needs_nobodys_consent(api: Api) -> None:
    program = a_program(api)
    people = iter(friends(3))
    for referrer, number in ((MALLORY, 2), (ALICE, 1)):
        code = a_code(api, program, referrer=referrer)
        for _ in range(number):
            person = next(people)
            a_claim(api, code, referee=person)
            a_purchase(api, customer=person)
    assert figures(page(api, a_token(api, program)))["Your place"] == "2"
    expect(api.delete("/v1/customers/mallory"), 204)
    assert figures(page(api, a_token(api, program)))["Your place"] == "1"


def test_milestones_say_how_far_the_next_one_is(api: Api) -> None:
    program = a_recipe(api, "ambassador-tiers")
    code = a_code(api, program)
    shown = page(api, a_token(api, program))
    assert "1 more friend to Starter" in shown.texts
    assert "(reached)" not in shown.texts
    a_claim(api, code)
    a_purchase(api)
    shown = page(api, a_token(api, program))
    assert "2 more friends to Bronze" in shown.texts
    said = shown.texts
    assert said[said.index("1 friend: $10.00, Starter") + 1] == "(reached)"
    assert said.count("(reached)") == 1


def test_a_coupon_can_be_copied_until_it_is_used_or_over(api: Api, clock: FixedClock) -> None:
    coupon = {"kind": "coupon", "percent_off": "15.00", "valid_days": 10, "prefix": "RIDE"}
    program = a_program(api, rewards=[{"key": "c", "side": "referrer", "on": "converted", "give": coupon}])
    code = a_code(api, program)
    token = a_token(api, program)
    for person in (BOB, CAROL):
        a_claim(api, code, referee=person)
        a_purchase(api, customer=person)
    codes = [it for it in attribute(page(api, token), "data-copy") if it.startswith("RIDE-")]
    assert len(codes) == 2
    assert "Coupon for 15% off · Yours, use it by March 11" in page(api, token).texts
    order = {"order_id": "o-mine"}
    expect(api.post(f"/v1/coupons/{codes[0]}/redeem", order), 200)
    assert [it for it in attribute(page(api, token), "data-copy") if it.startswith("RIDE-")] == codes[1:]
    clock.advance(timedelta(days=10))
    assert "RIDE-" not in page(api, token).text


def test_who_came_by_an_invitation_sees_the_own_gift_too(api: Api) -> None:
    program = a_program(api)
    a_claim(api, a_code(api, program))
    token = a_token(api, program, of=BOB)
    said = page(api, token).after("Your welcome gift")
    assert said[:6] == [
        "Waiting for the first order, 90 days left",
        "First order",
        "(not yet)",
        "$5.00",
        "Still to come",
        "What you have earned",
    ]
    a_purchase(api)
    shown = page(api, token)
    assert "Rewarded" in shown.after("Your welcome gift")
    assert shown.after("Your rewards")[:2] == ["$5.00", "Yours"]
    assert "Your welcome gift" not in page(api, a_token(api, program)).texts


@pytest.mark.parametrize(
    ("act", "title"), [("pause", "The program is taking a break"), ("archive", "The program has ended")]
)
def test_a_program_that_rests_says_so_kindly_and_keeps_what_was_earned(api: Api, act: str, title: str) -> None:
    program = a_program(api)
    a_claim(api, a_code(api, program))
    a_purchase(api)
    expect(api.post(f"/v1/programs/{program['id']}/{act}"), 200)
    token = a_token(api, program)
    for embed in (False, True):
        shown = page(api, token, embed=embed)
        assert title in shown.texts
        assert "data-copy" not in {name for _, attributes in shown.elements for name in attributes}
        assert hrefs(shown) == {}
    assert page(api, token).after("Your rewards")[:2] == ["$10.00", "Yours"]


def test_a_schedule_opens_and_closes_the_link(api: Api, clock: FixedClock) -> None:
    schedule = {
        "starts_at": format_rfc3339(api.now() + timedelta(days=2)),
        "ends_at": format_rfc3339(api.now() + timedelta(days=9)),
    }
    program = a_program(api, schedule=schedule)
    token = a_token(api, program)
    assert "The program is about to start" in page(api, token).texts
    clock.advance(timedelta(days=3))
    assert "There is no link right now" in page(api, token).texts
    assert "Copy the link" in page(api, a_token(api, program)).texts
    clock.advance(timedelta(days=7))
    assert "The program has ended" in page(api, token).texts


def test_a_revoked_code_is_shared_no_more(api: Api) -> None:
    program = a_program(api)
    token = a_token(api, program)
    expect(api.post(f"/v1/codes/{a_code(api, program)['code']}/revoke"), 200)
    assert "There is no link right now" in page(api, token).texts


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("recipe", recipe_names())
def test_every_recipe_is_told_in_every_language(api: Api, recipe: str, locale: str) -> None:
    program = a_recipe(api, recipe)
    for embed in (False, True):
        shown = page(api, a_token(api, program), embed=embed, lang=locale)
        assert shown.elements[0] == ("html", {"lang": locale})
        assert not [text for text in shown.texts[1:] if "%(" in text or "None" in text]
        assert locale == "en" or {"Your link", "Your friends", "Copy the link"}.isdisjoint(shown.texts)


def test_the_customers_own_language_comes_before_the_browsers(api: Api) -> None:
    a_customer(api, ALICE, locale="bg")
    token = a_token(api, a_program(api))
    answer = api.with_key(None).call("GET", f"/me/{token}", headers={"Accept-Language": "uk"})
    assert answer.headers["Content-Language"] == "bg"
    assert "Вашата връзка" in page(api, token).texts
    assert "Ваша ссылка" in page(api, token, lang="ru").texts


def test_another_programs_affairs_are_not_shown(api: Api) -> None:
    first, second = a_program(api), a_program(api, name="Second")
    a_claim(api, a_code(api, first))
    a_purchase(api)
    shown: Any = page(api, a_token(api, second))
    assert "Your rewards" not in shown.texts
    assert figures(shown)["Friends"] == "0"
