from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from referral_service.kit.strict_json import INTEGER_MAX, INTEGER_MIN, SENTENCES, MalformedJson, dumps, loads

LIMIT = 64 * 1024
BACKSLASH = "\\"

strings = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(INTEGER_MIN, INTEGER_MAX)
    | st.floats(allow_nan=False, allow_infinity=False)
    | strings
)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(strings, inner, max_size=5), max_leaves=20
)


def reason_for(raw: bytes, **limits: Any) -> str:
    with pytest.raises(MalformedJson) as refused:
        loads(raw, max_bytes=limits.pop("max_bytes", LIMIT), **limits)
    assert str(refused.value).startswith(SENTENCES[refused.value.reason])
    return refused.value.reason


@given(documents, st.booleans(), st.sampled_from([None, 2]))
def test_what_a_serializer_writes_is_read_back(document: Any, ensure_ascii: bool, indent: int | None) -> None:
    raw = json.dumps(document, ensure_ascii=ensure_ascii, indent=indent).encode()
    assert loads(raw, max_bytes=len(raw)) == document


@given(documents)
def test_what_is_written_here_is_read_here(document: Any) -> None:
    assert loads(dumps(document), max_bytes=LIMIT) == document


@given(st.binary(max_size=300))
def test_no_bytes_raise_anything_but_malformed_json(raw: bytes) -> None:
    try:
        loads(raw, max_bytes=200, max_depth=3, max_string=5)
    except MalformedJson:
        return


@given(st.text(alphabet='[]{}",:\\u0d8123eE+-.aNIn \n\x00é', max_size=60))
def test_no_near_json_raises_anything_but_malformed_json_or_gets_past_a_limit(text: str) -> None:
    try:
        document = loads(text.encode(), max_bytes=200, max_depth=3, max_string=5)
    except MalformedJson:
        return
    assert_within_limits(document, depth=3)


def assert_within_limits(document: Any, *, depth: int) -> None:
    if isinstance(document, str):
        assert len(document) <= 5
        assert "\0" not in document
        document.encode()
    elif isinstance(document, int | float):
        assert INTEGER_MIN <= document <= INTEGER_MAX or isinstance(document, float)
        assert float("-inf") < document < float("inf")
    elif isinstance(document, list | dict):
        assert depth > 0
        for child in document:
            assert_within_limits(child, depth=depth - 1)
        for child in document.values() if isinstance(document, dict) else ():
            assert_within_limits(child, depth=depth - 1)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"{",
        b"[1,]",
        b'{"a":1,}',
        b"{'a':1}",
        b"{a:1}",
        b"[1] [2]",
        b"01",
        b"+1",
        b".5",
        b"1.",
        b"0x10",
        b'"open',
        b'"raw\ttab"',
        b'"raw\0nul"',
        rb'"\x41"',
        rb'"\u12"',
        b"// comment\n1",
        b"\xef\xbb\xbf{}",
        "{}".encode("utf-16-le"),
        b"True",
        b"nul",
        b"\xc2\xa0{}",
    ],
)
def test_what_is_not_one_json_document_is_a_syntax_error(raw: bytes) -> None:
    assert reason_for(raw) == "syntax"


def test_a_syntax_error_says_where_it_is() -> None:
    with pytest.raises(MalformedJson, match=r"line 2, column 7\.$"):
        loads(b'{"a": 1,\n "b": x}', max_bytes=LIMIT)


@pytest.mark.parametrize(
    "raw", [b'{"a":1,"a":1}', b'{"a":1,"b":2,"a":3}', b'[{"x":{"a":1,"a":2}}]', rb'{"a":1,"\u0061":2}']
)
def test_a_key_that_comes_twice_is_refused(raw: bytes) -> None:
    assert reason_for(raw) == "duplicate_key"


def test_the_same_key_in_different_objects_is_no_duplicate() -> None:
    assert loads(b'[{"a":1},{"a":{"a":2}}]', max_bytes=LIMIT) == [{"a": 1}, {"a": {"a": 2}}]


@pytest.mark.parametrize(
    "raw",
    [
        b"NaN",
        b"[Infinity]",
        b'{"a":-Infinity}',
        b"1e309",
        b"-1E+1000000",
        b"1E+1000000",
        b"9223372036854775808",
        b"-9223372036854775809",
        b"1" + b"0" * 30,
        b"9" * 5000,
        b"-" + b"9" * 60000,
        b"0." + b"1" * 60000,
        b"1e-" + b"9" * 5000,
    ],
)
def test_numbers_that_no_type_can_hold_are_refused(raw: bytes) -> None:
    assert reason_for(raw) == "bad_number"


def test_the_largest_integers_and_ordinary_floats_are_kept_exactly() -> None:
    raw = b"[9223372036854775807, -9223372036854775808, 19.99, -0.0, 1e-7, 1E2, 1.7976931348623157e308]"
    found = loads(raw, max_bytes=LIMIT)
    assert found == [INTEGER_MAX, INTEGER_MIN, 19.99, -0.0, 1e-7, 100.0, 1.7976931348623157e308]
    assert [type(number) for number in found] == [int, int, float, float, float, float, float]


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'[{"a":'])
def test_depth_is_limited_whatever_nests(opening: bytes) -> None:
    closing = opening.replace(b'"a":', b"")[::-1].translate(bytes.maketrans(b"[{", b"]}"))
    levels = len(closing)
    deep = 32 // levels
    loads(opening * deep + b"1" + closing * deep, max_bytes=LIMIT)
    assert reason_for(opening * (deep + 1) + b"1" + closing * (deep + 1)) == "too_deep"


@pytest.mark.parametrize("raw", [b"[" * LIMIT, b'{"a":' * 10000, b'["' + BACKSLASH.encode() * 2 + b'",' + b"[" * 50000])
def test_endless_nesting_is_refused_without_recursion(raw: bytes) -> None:
    assert reason_for(raw) == "too_deep"


def test_nesting_beyond_the_interpreter_is_refused_even_where_the_limit_allows_it() -> None:
    assert reason_for(b"[" * 50000, max_depth=10**6) == "too_deep"


def test_brackets_inside_strings_are_not_nesting() -> None:
    brackets = "[{" * 200
    for text in (brackets, f'{brackets}"', f'"{brackets}', f"{brackets}{BACKSLASH}", f'{BACKSLASH}"{brackets}'):
        document = {"a": text, text: ["", "[", {"": text}]}
        assert loads(json.dumps(document).encode(), max_bytes=LIMIT) == document


def test_many_siblings_are_not_nesting() -> None:
    assert loads(b"[" + b"[{}]," * 5000 + b"[]]", max_bytes=LIMIT)[0] == [{}]


def test_size_is_limited_to_the_byte() -> None:
    assert loads(b'"1234"', max_bytes=6) == "1234"
    assert reason_for(b'"1234" ', max_bytes=6) == "too_large"


@pytest.mark.parametrize(
    "raw", [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\xf5\x80\x80\x80"', b'"\xc3', b"\xff\xfe{}"]
)
def test_bytes_that_are_not_utf8_are_refused(raw: bytes) -> None:
    assert reason_for(raw) == "not_utf8"


@pytest.mark.parametrize("raw", [rb'"\ud800"', rb'["a\udc00b"]', rb'{"\udfff":1}', rb'{"a":["\ude00\ud83d"]}'])
def test_half_a_surrogate_pair_is_refused(raw: bytes) -> None:
    assert reason_for(raw) == "lone_surrogate"


def test_a_whole_surrogate_pair_is_one_character() -> None:
    assert loads(rb'"\ud83d\ude00"', max_bytes=LIMIT, max_string=1) == "😀"


@pytest.mark.parametrize("raw", [rb'"\u0000"', rb'["a\u0000"]', rb'{"\u0000":1}', rb'{"a":{"b":"\u0000"}}'])
def test_the_character_nul_is_refused(raw: bytes) -> None:
    assert reason_for(raw) == "nul_character"


@pytest.mark.parametrize("shape", ['"{}"', '["x", "{}"]', '{{"{}": 1}}', '{{"a": {{"b": ["{}"]}}}}'])
@pytest.mark.parametrize("character", ["x", "é", "😀", BACKSLASH * 2, BACKSLASH + '"', BACKSLASH + "u00e9"])
def test_strings_and_keys_are_limited_to_the_character(shape: str, character: str) -> None:
    longest = shape.format(character * 1024).encode()
    too_long = shape.format(character * 1025).encode()
    loads(longest, max_bytes=LIMIT)
    assert reason_for(too_long) == "string_too_long"


def test_white_space_between_strings_is_not_a_long_string() -> None:
    assert loads(b'["a",' + b" " * 5000 + b'"b"]', max_bytes=LIMIT) == ["a", "b"]


def test_what_json_cannot_hold_is_not_written() -> None:
    for document in ({1, 2}, object(), 2**70, "\ud800"):
        with pytest.raises(TypeError):
            dumps(document)


def test_documents_are_written_compact_and_in_utf8() -> None:
    assert dumps({"name": "Zoë", "n": [1, None]}) == '{"name":"Zoë","n":[1,null]}'.encode()


def test_a_text_may_be_longer_where_that_is_said_and_nowhere_else() -> None:
    longer: dict[tuple[str, ...], int] = {("branding", "logo"): 30}
    long = "x" * 30
    document = {"branding": {"logo": long, "name": "x"}, "list": [{"logo": "y"}]}
    raw = json.dumps(document).encode()
    assert loads(raw, max_bytes=LIMIT, max_string=10, longer=longer) == document
    for elsewhere in (
        {"branding": {"logo": long + "x"}},
        {"branding": {"name": long}},
        {"branding": [{"logo": long}]},
        {"branding": {"branding": {"logo": long}}},
        {"logo": long},
        {"branding": long},
        [{"branding": {"logo": long}}],
        long,
    ):
        raw = json.dumps(elsewhere).encode()
        assert reason_for(raw, max_string=10, longer=longer) == "string_too_long", elsewhere
    assert reason_for(json.dumps({"branding": {"logo": "\0"}}).encode(), longer=longer) == "nul_character"
