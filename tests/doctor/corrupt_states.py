"""Corruptions of limits, people, references, states, messages, and of the order in which facts count."""

from __future__ import annotations

from doctor.corrupt_counters import COUNTERS
from doctor.corrupt_coupons import SPENT_OR_NOT
from doctor.corrupt_endpoints import ENDPOINTS
from doctor.corruptions import CLAIMED, LONG_AGO, OF, Corruption, planted

LIMITS = (
    planted(
        "an ordinal was skipped",
        "I5",
        f"UPDATE reward_anchors SET last_ordinal = last_ordinal + 1 WHERE {OF.format('recipient_id', 'held_referrer')}",
        "held_referrer",
    ),
    planted(
        "a reward was renumbered",
        "I5",
        f"UPDATE rewards SET ordinal = 77 WHERE {OF.format('id', 'held_share')}",
        "held_share",
    ),
    planted(
        "more slots were used than the cap has",
        "I5",
        f"UPDATE reward_anchors SET used_count = 4 WHERE {OF.format('recipient_id', 'capped_referrer')}",
        "capped_referrer",
    ),
    planted(
        "a reward was granted past its cap",
        "I5 I1 I8",
        f"UPDATE rewards SET state = 'pending', granted = 540 WHERE {OF.format('id', 'capped_share')}",
        "capped_referrer",
    ),
    planted(
        "a budget forgot what was granted",
        "I5",
        "UPDATE budgets SET used_minor = 1 WHERE app_id = 1 AND program_id = 'prg_1_held'",
        "prg_1_held",
    ),
    planted(
        "a budget was overspent",
        "I5",
        "UPDATE budgets SET used_minor = 100000001 WHERE app_id = 1 AND program_id = 'prg_1_held'",
        "overspent",
    ),
)

CONTESTS = (
    planted(
        "a rank counts a conversion twice",
        "I5",
        f"UPDATE ranks SET conversions = conversions + 1 WHERE {OF.format('customer_id', 'converted_referrer')}",
        "2 conversions are said",
    ),
    planted(
        "a rank was lost",
        "I5",
        f"DELETE FROM ranks WHERE {OF.format('customer_id', 'converted_referrer')}",
        "converted_referrer",
    ),
    planted(
        "a rank still counts what was reversed",
        "I5",
        "INSERT INTO ranks (app_id, program_id, customer_id, conversions) "
        "VALUES (1, 'prg_1_held', :voided_referrer, 1)",
        "voided_referrer",
    ),
    planted(
        "somebody has two prizes",
        "I2 I1 I5",
        f"UPDATE rewards SET recipient_id = :first_winner, subject = 'prize:4', ordinal = 2 "
        f"WHERE {OF.format('id', 'third_prize')}",
        "2 prizes of",
    ),
    planted(
        "the second prize was given beside two first ones",
        "I2 I5",
        f"UPDATE rewards SET subject = 'prize:2' WHERE {OF.format('id', 'third_prize')}",
        "third_prize",
    ),
    planted(
        "a prize was given before the contest was over",
        "I2",
        f"UPDATE programs SET status = 'active', ended_at = NULL WHERE {OF.format('id', 'contest_program')}",
        "first_prize",
    ),
    planted(
        "a prize is said to be a referee's",
        "I2",
        f"UPDATE rewards SET side = 'referee' WHERE {OF.format('id', 'first_prize')}",
        "first_prize",
    ),
)

PEOPLE = (
    planted(
        "somebody referred himself",
        "I6",
        f"UPDATE referrals SET referee_id = referrer_id WHERE {OF.format('id', 'waiting_referral')}",
        "waiting_referral",
        "referrals",
    ),
    planted(
        "a referee has two referrers",
        "I6",
        f"UPDATE referrals SET referee_id = :waiting_referee WHERE {OF.format('id', 'expired_referral')}",
        "accepted referrals of",
        "referrals",
    ),
    planted(
        "a referral came by somebody else's code",
        "I6",
        "UPDATE referrals SET code_id = (SELECT id FROM codes WHERE app_id = 1 AND customer_id = :held_referrer) "
        f"WHERE {OF.format('id', 'expired_referral')}",
        "expired_referral",
    ),
    planted(
        "a touch names another tenant's code",
        "I7",
        f"UPDATE touches SET code_id = 'rc_2_00000001' WHERE {OF.format('referral_id', 'held_referral')}",
        "held_referral",
    ),
    planted(
        "an event repeats one of another tenant",
        "I7",
        f"UPDATE events SET duplicate_of = 'evt_2_00000001' WHERE {OF.format('purchase_id', 'held_purchase')}",
        "evt_2_00000001",
    ),
    planted(
        "a conversion counted another tenant's purchase",
        "I7 I3 I13",
        f"UPDATE qualification_facts SET fact_id = 'pur_2_00000001' WHERE {OF.format('referral_id', 'held_referral')}",
        "held_referral",
    ),
    planted(
        "a referral has a referee of another tenant",
        "I7 I3",
        f"UPDATE referrals SET referee_id = 'cus_2_00000001' WHERE {OF.format('id', 'converted_referral')}",
        "converted_referral",
    ),
    planted(
        "an event's result names a reward that is not there",
        "I7",
        "UPDATE event_results SET reward_ids = '[\"rwd_2_00000001\"]' "
        f"WHERE {OF.format('referral_id', 'held_referral')}",
        "rwd_2_00000001",
    ),
    planted(
        "rows belong to no app",
        "I7",
        "INSERT INTO ledger_txns SELECT 9, id, kind, subject, seq, reason, recorded_at FROM ledger_txns "
        "WHERE app_id = 1 AND kind = 'redeem'",
        "an app that does not exist",
    ),
)

STATES = (
    planted(
        "a converted referral expired",
        "I8 I3 I5",
        f"UPDATE referrals SET state = 'expired' WHERE {OF.format('id', 'converted_referral')}",
        "converted_referral",
    ),
    Corruption(
        "a reward began as redeemed",
        {"I8"},
        (
            """UPDATE notifications SET state = 'redeemed'
            WHERE app_id = 1 AND sequence = 1 AND object_id = :converted_thanks""",
            """UPDATE notifications SET previous_state = 'redeemed'
            WHERE app_id = 1 AND sequence = 2 AND object_id = :converted_thanks""",
        ),
        "converted_thanks",
    ),
    planted(
        "a step begins where none ended",
        "I8",
        "UPDATE notifications SET previous_state = 'under_review', state = 'pending' "
        "WHERE app_id = 1 AND sequence = 1 AND object_id = :converted_referral",
        "converted_referral",
    ),
    planted(
        "a reward was released before its hold ended",
        "I8",
        f"UPDATE rewards SET released_at = {LONG_AGO} WHERE {OF.format('id', 'converted_thanks')}",
        "converted_thanks",
    ),
    planted(
        "a step is dated before the one it follows",
        "I8",
        f"UPDATE notifications SET created_at = {LONG_AGO} WHERE app_id = 1 AND sequence = 2 "
        "AND object_id = :converted_referral",
        "converted_referral",
    ),
    planted(
        "a referral was moved without a word",
        "I8",
        f"UPDATE referrals SET state = 'under_review' WHERE {OF.format('id', 'waiting_referral')}",
        "waiting_referral",
    ),
)

MESSAGES = (
    planted(
        "a notification was lost",
        "I9",
        "DELETE FROM notifications WHERE app_id = 1 AND sequence = 2 AND object_id = :converted_referral",
        "converted_referral",
    ),
    planted(
        "a position was skipped",
        "I5 I9",
        "UPDATE notifications SET position = position + 1000 WHERE app_id = 1 AND sequence = 1 "
        "AND object_id = :converted_referral",
        "Positions are given up to",
    ),
    planted(
        "a delivery is leased and forgotten",
        "I9",
        f"UPDATE deliveries SET next_attempt_at = {LONG_AGO} WHERE app_id = 1 AND state = 'leased'",
        "leased past its time-out",
    ),
    planted(
        "an event has no outcome",
        "I10",
        f"UPDATE events SET outcome = '' WHERE {OF.format('purchase_id', 'held_purchase')}",
        "has no outcome",
    ),
    planted(
        "an event is parked without a reason",
        "I10",
        f"UPDATE events SET outcome = 'parked' WHERE {OF.format('customer_id', 'waiting_referee')}",
        "parked without a reason",
    ),
    planted(
        "a message was never looked at",
        "I10",
        f"UPDATE inbound_events SET received_at = {LONG_AGO} WHERE app_id = 1 AND state = 'received'",
        "received for more than 15 minutes",
    ),
    planted(
        "an audited detail was changed",
        "I11",
        "UPDATE audit_log SET details = '{\"seq\": 7}' WHERE app_id = 1 AND seq = 3",
        "not those that were recorded",
    ),
    planted(
        "an audited act was put on somebody else",
        "I11",
        "UPDATE audit_log SET actor = 'key_2' WHERE app_id = 1 AND seq = 3",
        "was changed after it was sealed",
    ),
    planted(
        "an audited act was taken out",
        "I11",
        "DELETE FROM audit_log WHERE app_id = 1 AND seq = 3",
        "was changed after it was sealed",
    ),
    planted(
        "the last audited act was taken out",
        "I11",
        "DELETE FROM audit_log WHERE app_id = 1 AND seq = 5",
        "The chain ends at 5",
    ),
)

ORDER = (
    planted(
        "an earlier purchase never took over",
        "I13",
        f"UPDATE purchases SET amount_minor = 2000 WHERE {OF.format('customer_id', 'held_referee')} "
        "AND amount_minor = 1999",
        "held_referral",
    ),
    planted(
        "of two purchases at one instant the later order was counted",
        "I13",
        "UPDATE purchases SET order_key = 'a', occurred_at = (SELECT occurred_at FROM conversions "
        f"WHERE {OF.format('referral_id', 'held_referral')}) "
        f"WHERE {OF.format('customer_id', 'held_referee')} AND amount_minor = 9000",
        "held_referral",
    ),
    planted(
        "a purchase that fits was never counted",
        "I13",
        f"UPDATE purchases SET currency = 'USD' WHERE {OF.format('customer_id', 'waiting_referee')}",
        "waiting_referral",
    ),
    planted(
        "an old customer was taken for a new one",
        "I13",
        f"UPDATE purchases SET occurred_at = {LONG_AGO} WHERE {OF.format('customer_id', 'held_referee')} "
        "AND amount_minor = 1999",
        "held_referral",
    ),
    planted(
        "a new customer was taken for an old one",
        "I13",
        f"UPDATE purchases SET occurred_at = {CLAIMED} WHERE {OF.format('customer_id', 'not_new_referee')}",
        "not_new_referral",
    ),
    planted(
        "an expired referral had its purchase in time",
        "I13",
        f"UPDATE purchases SET occurred_at = {CLAIMED} WHERE {OF.format('customer_id', 'expired_referee')}",
        "expired_referral",
    ),
)

LIMITS_TO_ORDER = LIMITS + CONTESTS + COUNTERS + PEOPLE + STATES + SPENT_OR_NOT + MESSAGES + ENDPOINTS + ORDER
