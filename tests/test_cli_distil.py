import dataclasses
import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kdref import cli
from kdref.cli import _distil_figure, distil
from kdref.experiments import REGIMES, Interval, Settings
from kdref.experiments.regimes import DISTILLED, HARD, TEACHER

ROOT = Path(__file__).parents[1]
BRIEF = Settings(learning_rate=0.03, weight_decay=0.0, n_epochs=1, batch_size=256, dropout=0.25)

Run = Callable[..., tuple[int, str, str]]


def briefly(regime: str) -> dict[str, Settings]:
    distilled = dataclasses.replace(BRIEF, temperature=2.0, alpha=1.0)
    names = (TEACHER, *REGIMES[regime].students)
    return {name: distilled if name == DISTILLED else BRIEF for name in names}


@pytest.fixture
def kdref_distil(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command in this process with settings that train hardly at all."""
    monkeypatch.setattr(distil, "tuned_settings", briefly)

    def run(*arguments: object, command: str = "distil") -> tuple[int, str, str]:
        try:
            code = cli.main([command, *map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return code, *capsys.readouterr()

    return run


FEW = ("--regime", "few_labels", "--seeds", "2", "--workers", "0")
MISSING = ("--regime", "missing_class", "--seeds", "2", "--workers", "0")


def test_distil_prints_sizes_scores_differences_and_settings(kdref_distil: Run) -> None:
    code, out, err = kdref_distil(*FEW)
    assert (code, err) == (0, "")
    assert (
        "1,797 handwritten digits of 8 x 8 pixels: 809 to train, 269 to validate, 719 to test."
        in out
    )
    assert "Means of 2 repetitions (seed 0), with 95% bootstrap intervals." in out
    assert re.search(r"teacher 64-200-200-10, 55,210 parameters, \d+\.\d\d ms for", out)
    assert re.search(r"student 64-8-10, 610 parameters, .* 91 times smaller, \d+ times faster", out)
    cell = r"[+-]?\d+\.\d \[[+-]?\d+\.\d, [+-]?\d+\.\d\]"
    for name in (
        "teacher",
        "hard labels",
        "teacher's decisions",
        "distilled",
        "distilled - hard labels",
    ):
        assert re.search(rf"^{name} +{cell} +{cell} +[+-]?\d\.\d{{3}} \[", out, re.MULTILINE)
    for words in ("test accuracy, %", "agrees with teacher, %", "KL to teacher, nats"):
        assert words in out
    assert re.search(r"^distilled against hard labels: ", out, re.MULTILINE)
    assert re.search(r"^distilled +0\.03 +0 +256 +1 +2 +1 +\d\d\.\d$", out, re.MULTILINE)
    assert re.search(r"^teacher +0\.03 +0 +256 +1 +0\.25 +\d\d\.\d$", out, re.MULTILINE)


def test_distil_shows_the_missing_class_before_and_after_the_correction(kdref_distil: Run) -> None:
    code, out, _ = kdref_distil(*MISSING)
    assert code == 0
    assert "3s found, %" in out
    assert "added to the logit of 3" in out
    for name in ("hard labels", "distilled"):
        assert re.search(
            rf"^{name}, corrected .* [+-]\d+\.\d \[[+-]\d+\.\d, [+-]\d+\.\d\]$", out, re.MULTILINE
        )
    assert re.search(r"^distilled, corrected - hard labels, corrected  ", out, re.MULTILINE)


def test_lines_fit_a_wide_terminal(kdref_distil: Run) -> None:
    _, out, _ = kdref_distil(*MISSING)
    assert max(map(len, out.splitlines())) <= 160


def test_distil_prints_json_with_the_scores_of_each_seed(kdref_distil: Run) -> None:
    code, out, _ = kdref_distil(*MISSING, "--seed", 5, "--json")
    data = json.loads(out)
    assert (code, data["seed"]) == (0, 5)
    assert data["images"] == {"train": 809, "validation": 269, "test": 719}
    [(name, regime)] = data["regimes"].items()
    assert name == "missing_class"
    assert regime["teacher"]["n_parameters"] == 55_210
    assert regime["student"]["sizes"] == [64, 8, 10]
    assert regime["settings"][DISTILLED]["temperature"] == 2.0
    assert len(regime["seeds"]) == 2
    accuracies = [scores[HARD]["accuracy"] for scores in regime["seeds"]]
    assert regime["networks"][HARD]["accuracy"]["mean"] == pytest.approx(sum(accuracies) / 2)
    first = regime["differences"][0]
    assert (first["first"], first["second"]) == (DISTILLED, HARD)
    assert set(first["first_minus_second"]) == {
        "accuracy",
        "agreement",
        "kl_to_teacher",
        "recall",
        "correction",
    }


def test_the_same_seed_prints_the_same_scores_and_another_seed_others(kdref_distil: Run) -> None:
    def scores(seed: int) -> object:
        return json.loads(kdref_distil(*FEW, "--seed", seed, "--json")[1])["regimes"]["few_labels"][
            "seeds"
        ]

    assert scores(1) == scores(1)
    assert scores(1) != scores(2)


def test_help_shows_a_percent_sign_as_one(kdref_distil: Run) -> None:
    code, out, _ = kdref_distil("--help")
    assert code == 0
    assert "95% bootstrap" in " ".join(out.split())


def test_distill_is_the_same_command(kdref_distil: Run) -> None:
    assert kdref_distil(*FEW, "--json", command="distill")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "names", "n_seeds"),
    [
        ([], tuple(REGIMES), 10),
        (["--quick"], ("few_labels",), 4),
        (["--quick", "--regime", "all_labels"], ("all_labels",), 4),
        (["--quick", "--seeds", "3"], ("few_labels",), 3),
        (
            ["--regime", "missing_class", "--regime", "few_labels"],
            ("few_labels", "missing_class"),
            10,
        ),
    ],
)
def test_what_is_run_follows_the_options(
    kdref_distil: Run,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    names: tuple[str, ...],
    n_seeds: int,
) -> None:
    class Asked(Exception):
        pass

    def ask(regimes: Any, settings: Any, **options: Any) -> None:
        asked.append(
            (tuple(regime.name for regime in regimes), tuple(settings), options["n_seeds"])
        )
        raise Asked

    asked: list[object] = []
    monkeypatch.setattr(distil, "run_experiment", ask)
    with pytest.raises(Asked):
        kdref_distil(*arguments)
    assert asked == [(names, names, n_seeds)]


def test_saved_networks_are_scored_the_same_without_training(
    kdref_distil: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "new" / "run"
    first = json.loads(kdref_distil(*MISSING, "--seed", 5, "--save", folder, "--json")[1])
    assert (folder / "missing_class" / "1-distilled.npz").is_file()
    monkeypatch.setattr("kdref.experiments.distillation.train", None)
    monkeypatch.setattr("kdref.experiments.distillation.distil", None)
    code, out, _ = kdref_distil("--load", folder, "--workers", 0, "--json")
    second = json.loads(out)
    assert code == 0
    for data in (first, second):
        for size in ("teacher", "student"):
            del data["regimes"]["missing_class"][size]["forward_seconds"]
    assert second == first


def test_a_figure_is_drawn_and_nothing_else_left(kdref_distil: Run, tmp_path: Path) -> None:
    path = tmp_path / "distil.svg"
    code, _, _ = kdref_distil(*FEW, "--figure", path)
    assert code == 0
    assert [file.name for file in tmp_path.iterdir()] == ["distil.svg"]
    assert path.read_text(encoding="utf-8").startswith("<?xml")


def test_the_panels_show_the_differences_the_training_and_the_missing_class(
    kdref_distil: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    titles: list[str] = []

    def note(figure: Figure, path: Path, **_: Any) -> None:
        titles.extend(ax.get_title() for ax in figure.axes)
        path.touch()

    monkeypatch.setattr(Figure, "savefig", note)
    kdref_distil(*MISSING, "--save", tmp_path / "run", "--figure", tmp_path / "a.png")
    assert [title for title in titles if title] == [
        "Gains, with 95% intervals over the seeds",
        "missing_class: training",
        "missing_class: teacher's mean soft labels, T = 4",
        "missing_class: distilled, all seeds",
        "missing_class: distilled, corrected, all seeds",
    ]
    titles.clear()
    kdref_distil("--load", tmp_path / "run", "--workers", 0, "--figure", tmp_path / "a.png")
    assert "missing_class: training" not in titles  # loaded networks have no history


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--seed", "-1"], "error: seed must be >= 0, got -1"),
        (["--seeds", "1"], "error: n_seeds must be >= 2, got 1"),
        (["--seeds", "0"], "error: n_seeds must be >= 2, got 0"),
        (["--workers", "-1"], "error: n_workers must be >= 0, got -1"),
        (["--regime", "none"], "invalid choice: 'none'"),
        (["--figure", "plot.xyz"], "error: --figure must end in one of .*png.*, got plot.xyz"),
        (
            ["--figure", "no/such/folder/plot.png"],
            "error: --figure must lie in a folder that exists",
        ),
        (["--load", "no-such-folder"], "No such file or directory: 'no-such-folder/run.json'"),
        (
            ["--load", ".", "--quick"],
            "error: --load says itself what it scores, so --quick must be left out",
        ),
        (["--load", ".", "--seed", "0"], "so --seed must be left out"),
        (["--save", "pyproject.toml"], "error: .*pyproject.toml"),
    ],
)
def test_mistakes_end_with_one_line_and_exit_code_two(
    kdref_distil: Run, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(ROOT)
    code, out, err = kdref_distil(*arguments)
    assert (code, out) == (2, "")
    assert re.search(message, err)
    assert "Traceback" not in err


def test_verdicts_follow_the_interval() -> None:
    assert distil._verdict(Interval(0.05, 0.01, 0.09)) == "gains 5.0 points of accuracy."
    assert distil._verdict(Interval(-0.05, -0.09, -0.01)) == "loses 5.0 points of accuracy."
    assert "no difference" in distil._verdict(Interval(0.05, -0.01, 0.09))
    assert "no difference" in distil._verdict(Interval(0.05, 0.0, 0.09))


def test_formats_are_known_before_anything_is_trained() -> None:
    _distil_figure.require_drawable(ROOT / "a.PNG")


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def test_a_bar_is_shown_on_a_terminal_and_nowhere_else(
    kdref_distil: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert kdref_distil(*FEW)[2] == ""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    _, out, _ = kdref_distil(*FEW)
    assert "teachers with their students" in terminal.getvalue()
    assert "2/2" in terminal.getvalue()
    assert "teachers with their students" not in out


@pytest.mark.slow
def test_a_quick_run_shows_that_distillation_helps_with_few_labels() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kdref", "distil", "--quick", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    gain = json.loads(done.stdout)["regimes"]["few_labels"]["differences"][0]
    assert (gain["first"], gain["second"]) == (DISTILLED, HARD)
    assert gain["first_minus_second"]["accuracy"]["low"] > 0.0
