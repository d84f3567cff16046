"""A consistent book, written row by row from the contract and docs/ledger.md: no verb of the service takes part.

The methods tell stories (a referral that is held, refunded, redeemed, ...); whatever they leave behind must satisfy
every invariant.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from doctor.rows import DAY, START, Row, Rows


class Book(Rows):
    """Claims, facts, conversions and rewards of one app."""

    # -- claims and facts ----------------------------------------------------------------------------

    def claim(self, program: str, referrer: str, *, at: datetime = START, referee: str | None = None) -> Row:
        """An accepted claim that waits for its purchase."""
        referral = self._referral(program, referrer, referee or self.customer(), at, refused=False)
        self.announce(referral, "referral.created", "pending", at)
        return referral

    def refuse(self, program: str, referrer: str, referee: str, *, reason: str, at: datetime = START) -> Row:
        referral = self._referral(program, referrer, referee, at, refused=True)
        referral["reason"] = reason
        self.announce(referral, "referral.rejected", "rejected", at, reason=reason)
        return referral

    def _referral(self, program: str, referrer: str, referee: str, at: datetime, *, refused: bool) -> Row:
        code = self.code(program, referrer)
        referral = self.add(
            "referrals", id=self.new("ref"), program_id=program, version=1, referrer_id=referrer, referee_id=referee,
            code_id=code["id"], state="", reason=None, is_refused_claim=refused, claimed_at=at, recorded_at=at,
            window_starts_at=at - 7 * DAY, deadline_at=at + 90 * DAY, converted_at=None, conversion_no=0, sequence=0,
            updated_at=at,
        )  # fmt: skip
        self.add(
            "touches", referral_id=referral["id"], n=1, kind="code", at=at, code_id=code["id"], click_id=None,
            counted=True, reason=None,
        )  # fmt: skip
        return referral

    def _event(self, kind: str, outcome: str, at: datetime, **facts: Any) -> str:
        event = self.new("evt")
        row = {"customer_id": None, "purchase_id": None, "reason": None, "duplicate_of": None} | facts
        self.add(
            "events", id=event, source_id=self.source, external_id=event, type=kind, occurred_at=at, recorded_at=at,
            outcome=outcome, payload={}, **row,
        )  # fmt: skip
        return event

    def buy(self, customer: str, amount: int, *, at: datetime, currency: str = "USD") -> Row:
        purchase = self.new("pur")
        event = self._event("purchase", "recorded", at, customer_id=customer, purchase_id=purchase)
        self.add("purchase_aliases", source_id=self.source, alias=purchase, purchase_id=purchase)
        return self.add(
            "purchases", id=purchase, source_id=self.source, customer_id=customer, payer_email_index=None,
            event_id=event, order_key=purchase, amount_minor=amount, currency=currency, lines=[], attributes={},
            occurred_at=at, confirmed_at=at, refunded_minor=0, dispute_state=None, merged_into=None,
        )  # fmt: skip

    def refund(self, purchase: Row, amount: int, *, at: datetime, mode: str = "cumulative") -> None:
        event = self._event("refund", "recorded", at, purchase_id=purchase["id"])
        self.add(
            "refunds", purchase_id=purchase["id"], refund_key=f"{mode}:{amount}", mode=mode, amount_minor=amount,
            currency=purchase["currency"], event_id=event, occurred_at=at, recorded_at=at,
        )  # fmt: skip
        purchase["refunded_minor"] = min(purchase["amount_minor"], max(amount, purchase["refunded_minor"]))

    def dispute(self, purchase: Row, state: str, *, at: datetime) -> None:
        event = self._event("dispute", "recorded", at, purchase_id=purchase["id"])
        purchase["dispute_state"] = state
        known = [row for row in self.rows["disputes"] if row["purchase_id"] == purchase["id"]]
        if known:
            known[0] |= {"state": state, "event_id": event}
            return
        self.add(
            "disputes", purchase_id=purchase["id"], dispute_key="", state=state, event_id=event, occurred_at=at,
            recorded_at=at,
        )  # fmt: skip

    # -- conversions and rewards ---------------------------------------------------------------------

    def convert(self, referral: Row, purchase: Row, worth: dict[str, tuple[str, str, int]]) -> dict[str, Row]:
        """Count the purchase, and grant each reward of `worth`: its kind, unit and amount by its key."""
        at, n = purchase["occurred_at"], referral["conversion_no"] + 1
        referral |= {"conversion_no": n, "converted_at": at}
        self.announce(referral, "referral.converted", "converted", at)
        self.add(
            "conversions", referral_id=referral["id"], n=n, state="converted", reason=None, occurred_at=at,
            recorded_at=at, amount_minor=purchase["amount_minor"], refunded_minor=0,
        )  # fmt: skip
        self.add(
            "qualification_facts", referral_id=referral["id"], n=n, step_key="first_purchase",
            fact_id=purchase["id"], occurred_at=at, amount_minor=purchase["amount_minor"],
        )  # fmt: skip
        rewards = {key: self._grant(referral, key, *given, at=at) for key, given in worth.items()}
        event = {"app_id": self.app_id, "event_id": purchase["event_id"], "program_id": referral["program_id"]}
        self.rows["event_results"].append(
            event | {"referral_id": referral["id"], "outcome": "converted", "reason": None}
            | {"reward_ids": [reward["id"] for reward in rewards.values()]}
        )  # fmt: skip
        return rewards

    def _grant(self, referral: Row, key: str, kind: str, unit: str, amount: int, *, at: datetime) -> Row:
        program, subject = referral["program_id"], f"referral:{referral['id']}:{referral['conversion_no']}"
        terms = next(each for each in self.terms[program]["rewards"] if each["key"] == key)
        recipient = referral[f"{terms['side']}_id"]
        most = (terms.get("cap") or {}).get("count")
        anchor = self.anchors.get((program, key, recipient))
        reward = self._reward(
            program, recipient, key, subject, kind=kind, unit=unit, at=at, side=terms["side"],
            referral_id=referral["id"], conversion_no=referral["conversion_no"],
            granted=0 if most is not None and anchor is not None and anchor["used_count"] >= most else amount,
            hold_ends_at=at + terms.get("hold_days", 0) * DAY,
        )  # fmt: skip
        if not reward["granted"]:
            self.announce(reward, "reward.capped", "capped", at, reason="cap")
            return reward
        self._enter(reward, at)
        if not terms.get("hold_days"):
            self.release(reward, at=at)
        return reward

    def award(self, program: str, recipient: str, rank: int, amount: int, *, at: datetime) -> Row:
        """A contest is closed, and this is the prize of one rank."""
        prize = self._reward(
            program, recipient, "prize", f"prize:{rank}", kind="credit", unit="USD", at=at, side="referrer",
            referral_id=None, conversion_no=None, granted=amount, hold_ends_at=at,
        )  # fmt: skip
        self._enter(prize, at)
        self.release(prize, at=at)
        return prize

    def give_coupon(self, referral: Row, key: str, *, at: datetime, expires_at: datetime) -> tuple[Row, Row]:
        """Grant and release a coupon for the referral's conversion; gives the reward and the coupon."""
        program, recipient = referral["program_id"], referral["referrer_id"]
        reward = self._reward(
            program, recipient, key, f"referral:{referral['id']}:{referral['conversion_no']}", kind="coupon",
            unit="coupon", at=at, side="referrer", referral_id=referral["id"],
            conversion_no=referral["conversion_no"], granted=0, hold_ends_at=at,
        )  # fmt: skip
        self.anchors[program, key, recipient]["used_count"] += 1
        self.budgets[program]["used_count"] += 1
        self.announce(reward, "reward.created", "pending", at)
        reward |= {"released_at": at, "expires_at": expires_at}
        self.announce(reward, "reward.available", "available", at, reason="hold_ended")
        text = self.new("CODE")
        coupon = self.add(
            "coupons", id=self.new("cpn"), reward_id=reward["id"], text=text, folded=text, percent_off_hundredths=1500,
            amount_off_minor=None, currency="USD", valid_from=at, valid_until=expires_at, state="active",
            redeemed_order=None, redeemed_at=None,
        )  # fmt: skip
        return reward, coupon

    def use_coupon(self, reward: Row, coupon: Row, *, at: datetime) -> None:
        """An order redeems it."""
        coupon |= {"state": "redeemed", "redeemed_order": self.new("order"), "redeemed_at": at}
        self.announce(reward, "reward.redeemed", "redeemed", at, reason="used")

    def end_reward(self, reward: Row, coupon: Row, state: str, *, at: datetime) -> None:
        """Expire the reward or take it back, and the coupon with it, unless an order has used it."""
        self.announce(reward, f"reward.{state}", state, at)
        if coupon["redeemed_order"] is None:
            coupon["state"] = {"clawed_back": "revoked", "expired": "expired"}[state]

    def _reward(self, program: str, recipient: str, key: str, subject: str, *, at: datetime, **more: Any) -> Row:
        return self.add(
            "rewards", id=self.new("rwd"), program_id=program, version=1, recipient_id=recipient, reward_key=key,
            subject=subject, ordinal=self._ordinal(program, key, recipient, subject), state="", reason=None, reversed=0,
            badge=None, occurred_at=at, accept_by=None, expires_at=None, released_at=None, created_at=at,
            updated_at=at, sequence=0, **more,
        )  # fmt: skip

    def _enter(self, reward: Row, at: datetime) -> None:
        """Take the slot and the budget, tell of it, and hold it in the books."""
        program, recipient, amount = reward["program_id"], reward["recipient_id"], reward["granted"]
        self.anchors[program, reward["reward_key"], recipient]["used_count"] += 1
        self.budgets[program]["used_count"] += 1
        if reward["kind"] in {"credit", "percent"}:
            self.budgets[program]["used_minor"] += amount
        self.announce(reward, "reward.created", "pending", at)
        legs = [(program, "expense", -amount), (recipient, "pending", amount)]
        self.post("grant", reward["id"], 1, reward["unit"], legs, at)

    def _ordinal(self, program: str, key: str, recipient: str, subject: str) -> int:
        anchor = self.anchors.get((program, key, recipient))
        if anchor is None:
            anchor = self.anchors[program, key, recipient] = self.add(
                "reward_anchors", program_id=program, reward_key=key, recipient_id=recipient, last_ordinal=0,
                used_count=0, used_amount=0,
            )  # fmt: skip
        anchor["last_ordinal"] += 1
        self.add(
            "reward_ordinals", program_id=program, reward_key=key, recipient_id=recipient, subject=subject,
            n=anchor["last_ordinal"],
        )  # fmt: skip
        return int(anchor["last_ordinal"])

    def release(self, reward: Row, *, at: datetime) -> None:
        amount, unit, recipient = reward["granted"] - reward["reversed"], reward["unit"], reward["recipient_id"]
        legs = [(recipient, "pending", -amount), (recipient, "available", amount)]
        self.post("release", reward["id"], 1, unit, legs, at)
        self.add(
            "lots", id=self.new("lot"), account_id=self.account(recipient, "available", unit)["id"],
            origin=reward["id"], payer=reward["program_id"], unit=unit, granted=amount, rest=amount, opened_at=at,
            expires_at=None,
        )  # fmt: skip
        reward["released_at"] = at
        self.announce(reward, "reward.available", "available", at, reason="hold_ended")
        self._balance_changed(recipient, unit, at)

    def lot_of(self, reward: Row) -> Row:
        return next(lot for lot in reversed(self.rows["lots"]) if lot["origin"] == reward["id"])

    def move(self, txn: str, lot: Row, amount: int) -> None:
        lot["rest"] += amount
        self.add("lot_movements", txn_id=txn, lot_id=lot["id"], amount=amount)

    def take_back(self, reward: Row, amount: int, *, seq: int, at: datetime) -> None:
        """Reverse this much; the whole of it ends the reward."""
        reward["reversed"] += amount
        owner, unit, program = reward["recipient_id"], reward["unit"], reward["program_id"]
        whole = reward["reversed"] == reward["granted"]
        if reward["released_at"] is None:
            self.post("void", reward["id"], seq, unit, [(owner, "pending", -amount), (program, "expense", amount)], at)
            if whole:
                self.announce(reward, "reward.voided", "voided", at)
            return
        lot = self.lot_of(reward)
        left = min(lot["rest"], amount)
        legs = [(owner, "available", -left), (program, "expense", left)] if left else []
        if amount > left:
            legs += [(owner, "debt", left - amount), (program, "expense", amount - left)]
        txn = self.post("claw_back", reward["id"], seq, unit, legs, at)
        if left:
            self.move(txn, lot, -left)
        if whole:
            self.announce(reward, "reward.clawed_back", "clawed_back", at)
        self._balance_changed(owner, unit, at)

    def restore(self, reward: Row, *, at: datetime) -> None:
        """A dispute is won: what was clawed back from the reward's own lot goes back into it."""
        amount, owner, unit = reward["reversed"], reward["recipient_id"], reward["unit"]
        reward["reversed"] = 0
        legs = [(reward["program_id"], "expense", -amount), (owner, "available", amount)]
        txn = self.post("restore", reward["id"], 1, unit, legs, at)
        self.move(txn, self.lot_of(reward), amount)
        self.announce(reward, "reward.restored", "available", at, reason="dispute_won")
        self._balance_changed(owner, unit, at)

    def redeem(self, reward: Row, amount: int, *, at: datetime) -> None:
        owner, unit = reward["recipient_id"], reward["unit"]
        redemption, lot = self.new("red"), self.lot_of(reward)
        legs = [(owner, "available", -amount), (reward["program_id"], "redeemed", amount)]
        txn = self.post("redeem", redemption, 1, unit, legs, at)
        self.move(txn, lot, -amount)
        self.add(
            "redemptions", id=redemption, account_id=lot["account_id"], customer_id=owner, txn_id=txn, unit=unit,
            amount=amount, reference="order", recorded_at=at,
        )  # fmt: skip
        if lot["rest"] == 0:
            self.announce(reward, "reward.redeemed", "redeemed", at)
        self._balance_changed(owner, unit, at)

    def end(self, referral: Row, state: str, *, at: datetime, reason: str) -> None:
        """Move the referral on, and its last conversion with it."""
        self.announce(referral, f"referral.{state}", state, at, reason=reason)
        referral["reason"] = None if state == "converted" else reason
        for conversion in reversed(self.rows["conversions"]):
            if conversion["referral_id"] == referral["id"]:
                conversion["state"] = state
                break
