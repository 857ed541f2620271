"""``kdref article``: both columns, what is lost, where the article rounds, and the exit code."""

import contextlib
import io
import json
from dataclasses import replace

import pytest

from kdref import cli
from kdref.article import CLAIMS, WORKED_EXAMPLES, reproduce
from kdref.cli import article


@pytest.fixture(scope="module")
def printed() -> str:
    """What ``kdref article`` prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert cli.main(["article"]) == 0
    return out.getvalue()


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The command sees one printed figure that is wrong in its last digit."""
    wrong = replace(WORKED_EXAMPLES[1], printed=(0.885, 0.054, 0.062))
    examples = [WORKED_EXAMPLES[0], wrong, *WORKED_EXAMPLES[2:]]
    monkeypatch.setattr(article, "reproduce", lambda: reproduce(examples))


def test_article_prints_printed_and_computed_side_by_side(printed: str) -> None:
    lines = printed.splitlines()
    assert "12 of 12 printed figures reproduced to their digits." in lines
    cells = [line.split() for line in lines]
    assert [row[:4] for row in cells if row[:1] == ["softmax"] and len(row) == 6] == [
        ["softmax", "1.1", "0.552", "0.552"],
        ["softmax", "2.9", "0.885", "0.885"],
    ]
    assert sum(row[-1:] == ["agrees"] for row in cells) == 12


def test_article_prints_full_precision(printed: str) -> None:
    assert repr(reproduce()[0].computed[0]) in printed


def test_article_says_what_is_lost_and_where_the_article_rounds(printed: str) -> None:
    (product,) = [line.split() for line in printed.splitlines() if line.startswith("T^2 KL(p, q)")]
    assert product[-4:-2] == ["lost", "1.765"]
    assert product[-1] == "1.769542"  # from softmax((2.9, 0.1, 0.23) / 3) unrounded
    assert "which did not survive" in printed


def test_article_prints_each_claim_with_its_numbers(printed: str) -> None:
    for claim in CLAIMS:
        assert claim.words in printed
        assert all(name in printed for name in claim.numbers())


@pytest.mark.usefixtures("planted")
def test_article_exits_with_1_when_a_printed_figure_is_not_reproduced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["article"]) == 1
    out = capsys.readouterr().out
    assert "11 of 12 printed figures reproduced" in out
    (row,) = [line.split() for line in out.splitlines() if line.endswith("DIFFERS")]
    assert row[:3] == ["0.23", "0.062", "0.061"]


@pytest.mark.usefixtures("planted")
def test_article_json_says_which_figure_is_not_reproduced(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["article", "--json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert data["reproduced"] is False
    assert data["examples"][1]["agrees"] == [True, True, False]


def test_article_json_holds_every_figure_and_claim(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["article", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["reproduced"] is True
    assert [tuple(example["computed"]) for example in data["examples"]] == [
        result.computed for result in reproduce()
    ]
    assert data["examples"][-1]["printed"] is None
    assert [claim["words"] for claim in data["claims"]] == [claim.words for claim in CLAIMS]


def test_article_fits_an_ordinary_terminal_but_for_chinese_lines(printed: str) -> None:
    plain = [line for line in printed.splitlines() if line.isascii()]
    assert max(map(len, plain)) <= 100
