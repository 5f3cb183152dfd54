"""Every test can fail by its own word: it asserts, or says that it checks that nothing is raised.

A helper of the tests that asserts counts, when the test calls it by its name.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

# All tests are read: seconds on a busy machine.
pytestmark = pytest.mark.timeout(60)

TESTS = Path(__file__).parents[1]
ASSERTS = frozenset({"fail", "raises", "run_state_machine_as_test", "warns"})
"""What asserts of pytest and Hypothesis."""
NOT_RAISED = re.compile(r"\bNothing( else)? is raised\b")

Function = ast.FunctionDef | ast.AsyncFunctionDef
Named = tuple[str, str]
"""A function: the module that it is in, and its name."""


@dataclass(frozen=True, slots=True)
class Look:
    """What a function does: it asserts, it says that nothing is raised, it calls others."""

    asserts: bool
    says_so: bool
    calls: frozenset[str]


def look(function: Function) -> Look:
    calls = [node.func for node in ast.walk(function) if isinstance(node, ast.Call)]
    names = {call.id for call in calls if isinstance(call, ast.Name)}
    last = names | {call.attr for call in calls if isinstance(call, ast.Attribute)}
    words = ast.get_docstring(function) or ""
    says_so = NOT_RAISED.search(words) is not None
    return Look(_states(function) or bool(last & ASSERTS), says_so, frozenset(names))


def _states(function: Function) -> bool:
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Raise) and "AssertionError" in ast.unparse(node))
        for node in ast.walk(function)
    )


def functions_of(tree: ast.Module) -> Iterator[Function]:
    """The functions of a module, and the methods of its classes."""
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (found for found in inner if isinstance(found, Function))


def imports_of(tree: ast.Module) -> dict[str, Named]:
    """What names mean that are imported from other modules of the tests."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("tests.")
        for alias in node.names
    }


@cache
def looks() -> tuple[dict[Named, Look], dict[Named, set[Named]]]:
    """What all functions below tests/ do, and which of these each calls."""
    found, calls = {}, {}
    for file in sorted(TESTS.rglob("*.py")):
        module = ".".join(file.relative_to(TESTS.parent).with_suffix("").parts)
        tree = ast.parse(file.read_text())
        known = imports_of(tree)
        for function in functions_of(tree):
            named = module, function.name
            found[named] = look(function)
            calls[named] = {known.get(name, (module, name)) for name in found[named].calls}
    return found, calls


def asserting() -> set[Named]:
    """The functions that assert, themselves or by one that they call."""
    found, calls = looks()
    those = {named for named, what in found.items() if what.asserts}
    while more := {named for named, inner in calls.items() if inner & those} - those:
        those |= more
    return those


def test_every_test_asserts_or_says_that_nothing_is_raised() -> None:
    found, those = looks()[0], asserting()
    tests = [named for named in found if named[1].startswith("test_")]
    silent = [named for named in tests if named not in those and not found[named].says_so]
    assert len(tests) > 2000
    assert silent == []


@pytest.mark.parametrize(
    ("body", "is_so"),
    [
        ("assert 1", True),
        ("with pytest.raises(ValueError): int('x')", True),
        ("raise AssertionError(what)", True),
        ("raise ValueError(what)", False),
        ("int('1')", False),
        ("world.check(1)", False),
    ],
)
def test_what_counts_as_an_assertion(body: str, is_so: bool) -> None:
    (function,) = functions_of(ast.parse(f"def test_it():\n    {body}"))
    assert look(function).asserts is is_so
