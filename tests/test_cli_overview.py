"""``kdref`` without a command: four parts, the figures where it says, and an exit code that means something."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from kdref import LOSSES, cli
from kdref.article import WORKED_EXAMPLES, reproduce
from kdref.cli import overview
from kdref.experiments import REGIMES, Settings, gradients
from kdref.experiments.regimes import DISTILLED

ONE_EPOCH = Settings(learning_rate=1e-2, weight_decay=0.0, n_epochs=1, batch_size=256)
DISTILLING = replace(ONE_EPOCH, temperature=4.0, alpha=1.0)
PNG = b"\x89PNG\r\n\x1a\n"

CHECKED = [name for name, entry in LOSSES.items() if not entry.held_constant]
"""Losses whose gradient is that of the value as it stands."""


def hasty_settings(regime: str) -> dict[str, Settings]:
    kinds = REGIMES[regime].students
    return {"teacher": ONE_EPOCH} | {
        kind: DISTILLING if kind == DISTILLED else ONE_EPOCH for kind in kinds
    }


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """The command with one epoch for each network, writing below a temporary directory."""
    monkeypatch.setattr(overview, "tuned_settings", hasty_settings)
    monkeypatch.setattr(overview, "available_cores", lambda: 0)  # no other processes

    def run(*options: str) -> int:
        return cli.main(["--out", str(tmp_path / "figures"), *options])

    return run


def test_overview_does_all_four_parts(
    hasty: Callable[..., int], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert hasty() == 0
    out = capsys.readouterr().out
    assert "12 of 12 printed figures reproduced" in out
    rows = [line.split() for line in out.splitlines() if line.endswith("1e-09  agrees")]
    assert [row[0] for row in rows] == [*CHECKED, "backpropagation"]
    for name in LOSSES.keys() - CHECKED:
        assert f"Left to the tests: {name}, whose gradient holds" in out
    assert "KL to teacher, nats" in out
    assert "3s found" in out
    written = sorted((tmp_path / "figures").iterdir())
    assert len(written) == 9
    for path in written:
        assert path.read_bytes().startswith(PNG)
        assert f"  {path}\n" in out


@pytest.mark.usefixtures("hasty")
def test_what_overview_measures_depends_on_the_seed_alone() -> None:
    texts = [
        overview.distillation_text(overview.quick_distillation(seed, n_workers=n_workers))
        for seed, n_workers in ((3, 0), (3, 1), (4, 0))
    ]
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leaves the figures out, which take longest."""
    monkeypatch.setattr(overview, "write_figures", lambda *_: [])


@pytest.mark.usefixtures("undrawn")
def test_overview_exits_with_1_when_a_gradient_disagrees(
    hasty: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    entry = LOSSES["forward_kl"]
    wrong = replace(entry, grad=lambda *inputs, **options: 2.0 * entry.grad(*inputs, **options))
    few = {"reverse_kl": LOSSES["reverse_kl"], "forward_kl": wrong}
    monkeypatch.setattr(gradients, "LOSSES", few)
    assert hasty() == 1
    out = capsys.readouterr().out
    (line,) = [line.split() for line in out.splitlines() if line.endswith("DISAGREES")]
    assert line[:2] == ["forward_kl", "5.0e-01"]  # twice too large: off by half of the larger norm


@pytest.mark.usefixtures("undrawn")
def test_overview_exits_with_1_when_a_figure_is_not_reproduced(
    hasty: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = replace(WORKED_EXAMPLES[0], printed=(0.553, 0.224, 0.224))
    monkeypatch.setattr(overview, "reproduce", lambda: reproduce([wrong]))
    monkeypatch.setattr(gradients, "LOSSES", {"forward_kl": LOSSES["forward_kl"]})
    assert hasty() == 1


def test_overview_exits_with_2_when_it_cannot_write(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    assert cli.main(["--out", str(taken)]) == 2
    assert "taken" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 9))
def test_gradients_agree_whatever_the_seed(seed: int) -> None:
    reports = gradients.gradient_reports(np.random.default_rng(seed))
    assert all(report.passed for report in reports.values())


def test_the_figures_of_the_article_show_its_own_example() -> None:
    drawings = overview.article_figures(np.random.default_rng(0))
    ax = Figure().subplots()
    drawings["softening"](ax)
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    at_3 = np.interp(3.0, *np.asarray(lines["class 0"].get_xydata()).T)
    assert round(float(at_3), 3) == 0.554


def test_write_figures_leaves_nothing_behind_when_drawing_fails(tmp_path: Path) -> None:
    def fail(_: object) -> None:
        raise ValueError("cannot draw")

    with pytest.raises(ValueError, match="cannot draw"):
        overview.write_figures(tmp_path, {"broken": fail})
    assert list(tmp_path.iterdir()) == []
