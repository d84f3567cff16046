from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import combinations
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from referral_service.kit.clock import SystemClock
from referral_service.kit.ids import (
    ALPHABET,
    APP_ID_MAX,
    app_id_of_source,
    decode_number,
    encode_number,
    first_id_at,
    fold,
    has_valid_check,
    is_id,
    new_id,
    new_source_id,
    random_code,
)

FORK_TWO = """
import os
from referral_service.kit.ids import new_id
new_id("ref")
for _ in range(2):
    if os.fork() == 0:
        os.write(1, new_id("ref").encode() + b"\\n")
        os._exit(0)
    os.wait()
"""


def with_check(body: str) -> str:
    return next(body + last for last in ALPHABET if has_valid_check(body + last))


codes = st.text(ALPHABET, min_size=7, max_size=7).map(with_check)


def test_an_id_is_its_prefix_and_a_uuid_of_version_seven() -> None:
    text = new_id("ref")
    prefix, suffix = text.split("_")
    assert prefix == "ref"
    assert len(suffix) == 26
    assert UUID(int=decode_number(suffix.upper())).version == 7


def test_ids_sort_as_they_were_made_and_never_repeat() -> None:
    ids = [new_id("ref") for _ in range(20_000)]
    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)


def test_ids_made_by_many_threads_never_repeat() -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: new_id("ref"), range(8_000)))
    assert len(set(ids)) == len(ids)


def test_forked_children_do_not_repeat_each_others_random_parts() -> None:
    # In a process of its own: forking one that runs threads, as a test runner may, is unsafe.
    told = subprocess.run([sys.executable, "-c", FORK_TWO], capture_output=True, text=True, check=True).stdout
    # Ten characters of the 26 hold the time; what follows is random.
    random_parts = {line[-16:] for line in told.split()}
    assert len(random_parts) == 2


def test_is_id_knows_its_own_prefix_only() -> None:
    text = new_id("ref")
    assert is_id(text, "ref")
    assert not is_id(text, "rwd")
    assert not is_id(text, "re")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ref_",
        "ref_01m80260g3ec9a0k9478cydx3",
        "ref_01m80260g3ec9a0k9478cydx3jj",
        "ref_01m80260g3ec9a0k9478cydx3J",
        "ref_01m80260g3ec9a0k9478cydx3u",
        "ref_81m80260g3ec9a0k9478cydx3j",
        "ref_01m80260g3ec9a0k9478cydx3j\n",
        "REF_01m80260g3ec9a0k9478cydx3j",
        "01m80260g3ec9a0k9478cydx3j",
    ],
)
def test_is_id_refuses_ill_formed_texts(text: str) -> None:
    assert not is_id(text, "ref")


@pytest.mark.parametrize("app_id", [1, 7, 4021, APP_ID_MAX])
def test_a_source_id_leads_to_its_app(app_id: int) -> None:
    assert app_id_of_source(new_source_id(app_id)) == app_id


@pytest.mark.parametrize("app_id", [0, -1, APP_ID_MAX + 1])
def test_a_source_id_needs_an_app_number_in_range(app_id: int) -> None:
    with pytest.raises(ValueError, match="range"):
        new_source_id(app_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "src_01m80260g3ec9a0k9478cydx3j",
        "src_0_01m80260g3ec9a0k9478cydx3j",
        "src_05_01m80260g3ec9a0k9478cydx3j",
        "src_-5_01m80260g3ec9a0k9478cydx3j",
        "src_٥_01m80260g3ec9a0k9478cydx3j",
        f"src_{APP_ID_MAX + 1}_01m80260g3ec9a0k9478cydx3j",
        "src_99999999999999999999_01m80260g3ec9a0k9478cydx3j",
        "whe_5_01m80260g3ec9a0k9478cydx3j",
        "src_5_01m80260g3ec9a0k9478cydx3j\n",
    ],
)
def test_a_text_that_is_no_source_id_leads_nowhere(text: str) -> None:
    assert app_id_of_source(text) is None


@given(st.data(), st.integers(min_value=1, max_value=40))
def test_numbers_survive_fixed_width_base32(data: st.DataObject, width: int) -> None:
    number = data.draw(st.integers(min_value=0, max_value=32**width - 1))
    text = encode_number(number, width)
    assert len(text) == width
    assert decode_number(text) == number


def test_base32_text_sorts_as_its_number() -> None:
    texts = [encode_number(number, 2) for number in range(32**2)]
    assert texts == sorted(texts)


@pytest.mark.parametrize(("number", "width"), [(-1, 6), (32**6, 6), (1, 0)])
def test_a_number_that_does_not_fit_is_refused(number: int, width: int) -> None:
    with pytest.raises(ValueError, match="fit"):
        encode_number(number, width)


@pytest.mark.parametrize("text", ["", "u", "a", "I", "L", "O", "U", "-1", "1_0", " 1", "٣"])
def test_only_the_upper_case_alphabet_is_decoded(text: str) -> None:
    with pytest.raises(ValueError, match=r"decode|base32"):
        decode_number(text)


@pytest.mark.parametrize(
    ("typed", "folded"),
    [
        ("K7QM3XTD", "K7QM3XTD"),
        ("k7qm-3xtd", "K7QM3XTD"),
        (" k7qm 3xtd\n", "K7QM3XTD"),
        ("k7qm\u20113xtd", "K7QM3XTD"),
        ("k7qm\u20133xtd", "K7QM3XTD"),
        ("Ｋ７ＱＭ３ＸＴＤ", "K7QM3XTD"),
        ("oil", "011"),
        ("MARIA20", "MAR1A20"),
        ("mar1a2o", "MAR1A20"),
        ("MARLA20", "MAR1A20"),
        ("HUGO", "HUG0"),
    ],
)
def test_a_code_is_compared_as_people_read_it(typed: str, folded: str) -> None:
    assert fold(typed) == folded


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " - ",
        "KАTE",
        "straße",
        "dıana",
        "Jose\u0301",
        "a_b",
        "a.b",
        "a\0b",
        "\ud800",
        "😀",
        "A" * 129,
        "\ufdfa" * 128,
    ],
)
def test_a_text_outside_the_allowlist_is_no_code(typed: str) -> None:
    assert fold(typed) is None


@given(st.text(max_size=200))
def test_folding_never_fails_and_a_second_time_changes_nothing(text: str) -> None:
    folded = fold(text)
    if folded is not None:
        assert set(folded) <= set("0123456789ABCDEFGHJKMNPQRSTUVWXYZ")
        assert len(folded) > 128 or fold(folded) == folded


def test_a_random_code_is_eight_characters_in_folded_form_with_a_valid_check() -> None:
    for _ in range(1_000):
        code = random_code()
        assert len(code) == 8
        assert fold(code) == code
        assert has_valid_check(code)


def test_random_codes_use_the_whole_alphabet_in_every_place() -> None:
    sample = [random_code() for _ in range(2_000)]
    assert len(set(sample)) == len(sample)
    for place in range(8):
        assert {code[place] for code in sample} == set(ALPHABET)


def test_the_check_character_never_changes_between_releases() -> None:
    # Printed codes outlive the program that made them.
    assert [has_valid_check(code) for code in ("00000000", "K7QM3XTS", "3S713CHS")] == [True, True, True]


@given(codes)
def test_every_wrong_character_is_found(code: str) -> None:
    for place in range(8):
        for wrong in set(ALPHABET) - {code[place]}:
            assert not has_valid_check(code[:place] + wrong + code[place + 1 :])


@given(codes)
def test_every_swap_of_two_characters_is_found(code: str) -> None:
    for left, right in combinations(range(8), 2):
        swapped = list(code)
        swapped[left], swapped[right] = code[right], code[left]
        if code[left] != code[right]:
            assert not has_valid_check("".join(swapped))


@given(codes, st.integers(0, 6), st.sampled_from(ALPHABET), st.sampled_from(ALPHABET))
def test_every_double_misread_as_another_is_found(code: str, place: int, double: str, misread: str) -> None:
    assume(double != misread)
    variants = [code[:place] + pair * 2 + code[place + 2 :] for pair in (double, misread)]
    assert not all(map(has_valid_check, variants))


def test_one_text_in_thirty_two_passes_the_check() -> None:
    passed = [last for last in ALPHABET if has_valid_check("K7QM3XT" + last)]
    assert len(passed) == 1


@pytest.mark.parametrize("text", ["", "K7QM3XT", "000000000", "MARUA200", "0000000\n", "k7qm3xts"])
def test_a_text_of_another_form_has_no_valid_check(text: str) -> None:
    assert not has_valid_check(text)


def test_the_first_id_of_a_moment_parts_what_was_made_before_from_what_comes_after() -> None:
    now = SystemClock().now()
    before, after = first_id_at("clk", now - timedelta(seconds=60)), first_id_at("clk", now + timedelta(seconds=60))
    assert is_id(before, "clk")
    assert before < new_id("clk") < after
    with pytest.raises(ValueError, match="No id"):
        first_id_at("clk", datetime(1969, 12, 31, tzinfo=UTC))
