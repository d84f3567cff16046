"""Files about 250 lines and functions about 40 stay readable; these are the hard limits."""

from __future__ import annotations

import ast

from house.source_tree import CODE_FOLDERS, parsed, python_files, shown

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70

# A migration is a list of tables in a straight line, written once: taking it apart would hide the order.
STRAIGHT_LINES = "referral_service/migrations/versions/"


def functions_longer_than(limit: int, tree: ast.AST) -> list[tuple[str, int]]:
    """Name and length of every function, method and nested function that is too long; decorators count."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            length = (node.end_lineno or node.lineno) - first + 1
            if length > limit:
                found.append((node.name, length))
    return found


def test_no_file_is_too_long_to_read_in_one_go() -> None:
    lengths = {shown(path): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files(*CODE_FOLDERS)}
    assert lengths, "no source was found: the test looks in the wrong place"
    assert {name: length for name, length in lengths.items() if length > FILE_LINES_MAX} == {}


def test_no_function_is_too_long_to_hold_in_mind() -> None:
    too_long = {
        f"{shown(path)}:{name}": length
        for path in python_files(*CODE_FOLDERS)
        if not shown(path).startswith(STRAIGHT_LINES)
        for name, length in functions_longer_than(FUNCTION_LINES_MAX, parsed(path))
    }
    assert too_long == {}


def test_the_measure_sees_methods_nested_functions_and_decorators() -> None:
    method = "class A:\n    @property\n    async def long(self):\n"
    source = method + "        def inner():\n            pass\n        return inner"
    assert functions_longer_than(4, ast.parse(source)) == [("long", 5)]
    assert functions_longer_than(1, ast.parse(source)) == [("long", 5), ("inner", 2)]
