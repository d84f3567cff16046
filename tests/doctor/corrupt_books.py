"""Corruptions of the ledger, of grants and of reversals."""

from __future__ import annotations

from doctor.corruptions import OF, Corruption, planted

REWARD_COLUMNS = (
    "app_id, {0}, program_id, version, referral_id, conversion_no, recipient_id, reward_key, {1}, side, {2}, state, "
    "reason, kind, unit, granted, reversed, badge, occurred_at, hold_ends_at, accept_by, expires_at, released_at, "
    "created_at, updated_at, sequence"
)
TXN = "(SELECT id FROM ledger_txns WHERE app_id = 1 AND seq = 1 AND kind = '{0}' AND subject = :{1})"


def _twin(table: str, columns: str, values: str, where: str) -> str:
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE app_id = 1 AND {where}"


BOOKS = (
    planted(
        "a posting was changed",
        "I1",
        f"UPDATE ledger_postings SET amount = amount + 1 WHERE app_id = 1 AND n = 2 AND txn_id = "
        f"{TXN.format('grant', 'converted_thanks')}",
        "sums to 1 USD",
    ),
    planted(
        "a stored balance was changed",
        "I1",
        "UPDATE ledger_accounts SET balance = balance + 1 WHERE app_id = 1 AND kind = 'pending' AND unit = 'USD' "
        "AND owner = :held_referrer",
        "its postings sum to",
    ),
    planted(
        "a lot was emptied",
        "I1",
        f"UPDATE lots SET rest = 0 WHERE {OF.format('origin', 'converted_thanks')}",
        "its movements sum to",
    ),
    planted(
        "a movement of a lot was lost",
        "I1",
        f"DELETE FROM lot_movements WHERE app_id = 1 AND txn_id = {TXN.format('claw_back', 'partly_thanks')}",
        "its movements sum to",
    ),
    planted(
        "a transaction lost its postings",
        "I1",
        f"DELETE FROM ledger_postings WHERE app_id = 1 AND txn_id = {TXN.format('void', 'voided_share')}",
        "moves nothing",
    ),
    Corruption(
        "a grant was posted twice, in balance",
        {"I1"},
        (
            f"""INSERT INTO ledger_txns SELECT app_id, 'txn_twice', kind, subject, 2, reason, recorded_at
            FROM ledger_txns WHERE app_id = 1 AND id = {TXN.format("grant", "held_share")}""",
            f"""INSERT INTO ledger_postings SELECT app_id, 'txn_twice', n, account_id, unit, amount
            FROM ledger_postings WHERE app_id = 1 AND txn_id = {TXN.format("grant", "held_share")}""",
            """UPDATE ledger_accounts SET balance = balance * 2
            WHERE app_id = 1 AND kind = 'pending' AND unit = 'USD' AND owner = :held_referrer""",
        ),
        "held_share",
    ),
    planted(
        "a redemption took less than it says",
        "I1",
        f"UPDATE redemptions SET amount = amount + 5 WHERE {OF.format('customer_id', 'redeemed_referrer')}",
        "its transaction took",
    ),
)

GRANTS = (
    planted(
        "one subject was rewarded twice",
        "I2 I1 I3 I5 I9",
        _twin(
            "rewards",
            REWARD_COLUMNS.format("id", "subject", "ordinal"),
            REWARD_COLUMNS.format("'rwd_twice'", "subject", "ordinal + 50"),
            "id = :converted_thanks",
        ),
        "converted_thanks",
        "rewards",
    ),
    planted(
        "an event was taken in twice",
        "I2",
        _twin(
            "events",
            "app_id, id, source_id, external_id, type, customer_id, purchase_id, occurred_at, recorded_at, outcome, "
            "reason, duplicate_of, payload",
            "app_id, 'evt_twice', source_id, external_id, type, customer_id, purchase_id, occurred_at, recorded_at, "
            "outcome, reason, duplicate_of, payload",
            "purchase_id = :held_purchase",
        ),
        "2 events of",
        "events",
    ),
    planted(
        "a counted purchase was never confirmed",
        "I3",
        f"UPDATE purchases SET confirmed_at = NULL WHERE {OF.format('id', 'converted_purchase')}",
        "converted_referral",
    ),
    planted(
        "a counted purchase was in another currency",
        "I3",
        f"UPDATE purchases SET currency = 'EUR' WHERE {OF.format('id', 'converted_purchase')}",
        "converted_referral",
    ),
    planted(
        "a counted purchase was somebody else's",
        "I3",
        f"UPDATE purchases SET customer_id = :held_referrer WHERE {OF.format('id', 'converted_purchase')}",
        "converted_referral",
    ),
    planted(
        "a counted purchase was less than the minimum",
        "I3",
        f"UPDATE purchases SET amount_minor = 1999 WHERE {OF.format('id', 'converted_purchase')}",
        "converted_referral",
    ),
    planted(
        "a counted purchase lies after the deadline",
        "I3",
        f"UPDATE referrals SET deadline_at = claimed_at WHERE {OF.format('id', 'converted_referral')}",
        "converted_referral",
    ),
    planted(
        "a reward grew",
        "I3 I1",
        f"UPDATE rewards SET granted = granted + 1 WHERE {OF.format('id', 'converted_thanks')}",
        "converted_thanks",
    ),
    planted(
        "a reward went to somebody else",
        "I3 I1 I5",
        f"UPDATE rewards SET recipient_id = :held_referrer WHERE {OF.format('id', 'converted_thanks')}",
        "converted_thanks",
    ),
    planted(
        "a hold was cut short",
        "I3",
        f"UPDATE rewards SET hold_ends_at = occurred_at WHERE {OF.format('id', 'held_share')}",
        "held_share",
    ),
    planted(
        "a promised reward was lost",
        "I3 I1 I5 I7",
        f"DELETE FROM rewards WHERE {OF.format('id', 'converted_welcome')}",
        "converted_referral",
    ),
    planted(
        "a conversion lost its facts",
        "I3 I13",
        f"DELETE FROM qualification_facts WHERE {OF.format('referral_id', 'held_referral')}",
        "held_referral",
    ),
    planted(
        "more was reversed than was refunded",
        "I4 I1",
        f"UPDATE rewards SET reversed = reversed + 1 WHERE {OF.format('id', 'partly_thanks')}",
        "partly_thanks",
    ),
    planted(
        "a refund was lost",
        "I4",
        f"DELETE FROM refunds WHERE {OF.format('purchase_id', 'partly_purchase')}",
        "partly_thanks",
    ),
    planted(
        "a dispute was won, and nothing given back",
        "I4",
        f"UPDATE disputes SET state = 'won' WHERE {OF.format('purchase_id', 'lost_purchase')}",
        "lost_thanks",
    ),
    planted(
        "a dispute was lost, and nothing taken back",
        "I4",
        f"UPDATE disputes SET state = 'lost' WHERE {OF.format('purchase_id', 'won_purchase')}",
        "won_thanks",
    ),
    planted(
        "a purchase says another sum of refunds",
        "I4",
        f"UPDATE purchases SET refunded_minor = 2000 WHERE {OF.format('id', 'partly_purchase')}",
        "partly_purchase",
    ),
)

BOOKS_AND_GRANTS = BOOKS + GRANTS
