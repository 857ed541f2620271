"""The page on accuracy shows what the result files hold, and the graph is there."""

import json
import re
from pathlib import Path

import pytest

from tests.accuracy_inputs import CLASSES
from tests.benchmarks import accuracy, page, speed
from tests.benchmarks.contenders import CONTENDERS


@pytest.mark.parametrize("path", [page.PAGE, page.ALL_TABLES], ids=lambda path: path.stem)
def test_tables_are_those_of_the_result_files(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert page.filled(text, page.tables()) == text, "run: python -m tests.benchmarks.page"


def test_every_table_is_shown_and_the_graph_is_there() -> None:
    text = page.PAGE.read_text(encoding="utf-8") + page.ALL_TABLES.read_text(encoding="utf-8")
    assert sorted(re.findall(r"<!-- table: (.+?) -->", text)) == sorted(page.tables())
    assert page.GRAPH.stat().st_size > 5000
    assert f"({page.GRAPH.name})" in text


def test_result_files_are_complete() -> None:
    digits = json.loads(accuracy.RESULT.read_text(encoding="utf-8"))
    for functions in digits["errors"].values():
        assert tuple(functions) == accuracy.FUNCTIONS
        for classes in functions.values():
            assert list(classes) == list(CLASSES)
    seconds = json.loads(speed.RESULT.read_text(encoding="utf-8"))
    assert set(seconds["shapes"]) == {f"{n} x {c}" for n, c in speed.SHAPES}
    for by_name in seconds["shapes"].values():
        assert set(by_name) == set(CONTENDERS)


def test_own_functions_are_the_most_accurate_ones_and_never_flagged() -> None:
    # What the page is about; the bounds themselves are held by test_against_oracle.
    digits = json.loads(accuracy.RESULT.read_text(encoding="utf-8"))
    for functions in digits["errors"].values():
        for classes in functions.values():
            worst = {
                name: page.largest(c.get(name) for c in classes.values())
                for name in page.CONTENDERS
            }
            own, exact = worst["kdref"], worst["kdref.exact"]
            assert own is not None
            assert exact is not None
            assert own["flags"] == exact["flags"] == ""
            others = [worst[name] for name in page.CONTENDERS[:4]]
            assert all(other is None or other["ulp"] >= own["ulp"] for other in others)


def test_number_is_short() -> None:
    assert [page.number(x) for x in (0.5, 9.007e15, 3e-12, 12.0)] == ["0.5", "9e15", "3e-12", "12"]


def test_cell_shows_flags_and_a_dash_for_what_is_not_there() -> None:
    assert page.cell({"ulp": 1e30, "flags": "-N"}) == "1e30 −N"
    assert page.cell(None) == "–"
