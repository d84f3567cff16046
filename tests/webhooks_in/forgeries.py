"""Many ways to spoil one genuine message: what a forger, a broken proxy or a careless client may send."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Forgery:
    """A spoiled message; `name` says how."""

    name: str
    raw: bytes
    headers: dict[str, str]


def spoiled_bodies(raw: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield bodies that differ from the signed one, some of which mean the same."""
    for position in sorted({0, 1, len(raw) // 3, len(raw) // 2, len(raw) - 2, len(raw) - 1}):
        yield f"bit {position}", raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :]
    document = json.loads(raw)
    yield "re-serialised", json.dumps(document, indent=1).encode()
    yield "keys sorted", json.dumps({name: document[name] for name in sorted(document, reverse=True)}).encode() + b" "
    yield "one more field", json.dumps({**document, "amount_total": 1}).encode()
    yield "cut short", raw[:-1]
    yield "a line more", raw + b"\n"
    yield "carriage returns", raw + b"\r\n"
    yield "space in front", b" " + raw
    yield "byte order mark", b"\xef\xbb\xbf" + raw
    yield "empty", b""
    yield "null", b"null"
    yield "not UTF-8", raw + b"\xff\xfe"
    yield "NUL", raw + b"\0"
    yield "twice", raw + raw
    yield "lone surrogate", raw[:-1] + b',"x":"\\ud800"}'
    yield "utf-16", raw.decode().encode("utf-16")


def spoiled_numbers(number: str) -> Iterator[tuple[str, str]]:
    """Yield texts that a careless reader takes for the same number, or for any number at all."""
    yield "empty", ""
    yield "space", f" {number}"
    yield "space behind", f"{number} "
    yield "new line", f"{number}\n"
    yield "plus", f"+{number}"
    yield "minus", f"-{number}"
    yield "leading zero", f"0{number}"
    yield "fraction", f"{number}.0"
    yield "half a second", f"{number}.5"
    yield "exponent", f"{number}e0"
    yield "underscore", f"{number[:2]}_{number[2:]}"
    yield "hexadecimal", hex(int(number))
    yield "Arabic digits", number.translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩"))
    yield "full width", number.translate(str.maketrans("0123456789", "０１２３４５６７８９"))
    yield "NaN", "nan"
    yield "infinity", "inf"
    yield "milliseconds", f"{number}000"
    yield "endless", "9" * 5000
    yield "a word", "yesterday"
    yield "NUL", f"{number}\0"
    yield "lone surrogate", f"{number}\ud800"
    yield "twice", f"{number},{number}"


def spoiled_texts(text: str) -> Iterator[tuple[str, str]]:
    """Yield texts near another one."""
    yield "empty", ""
    yield "space", " "
    yield "cut short", text[:-1]
    yield "one more", text + "A"
    yield "other case", text.swapcase()
    yield "space behind", text + " "
    yield "new line", text + "\n"
    yield "tab in front", "\t" + text
    yield "NUL", text + "\0"
    yield "not ASCII", "é" + text[1:]
    yield "beyond latin-1", "字" + text[1:]
    yield "lone surrogate", "\udcff" + text[1:]
    yield "twice", f"{text},{text}"
    yield "very long", text * 300
    yield "another", text[::-1]
