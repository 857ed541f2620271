"""``kdref losses`` lists what the registry has, and tells of one loss what its docstring says."""

import re

import pytest

from kdref import LOSSES, forward_kl_loss
from kdref.cli import main
from kdref.cli.losses import EXAMPLE


def test_losses_lists_every_loss_with_formula_and_source_and_counts_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["losses"]) == 0
    out = capsys.readouterr().out
    for entry in LOSSES.values():
        [line] = [line for line in out.splitlines() if line.startswith(f"{entry.name} ")]
        assert entry.formula in line
        assert entry.source in line
    assert out.endswith(f"\n\n{len(LOSSES)} losses\n")


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_a_name_prints_formula_parameters_source_and_a_computed_example(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["losses", name]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{name}_loss(student_")
    assert ".. math::" in out
    for parameter in LOSSES[name].parameters:
        assert re.search(rf"^{parameter} : ", out, re.MULTILINE)
    assert "\nSource\n" in out
    assert re.search(r"^value = [-\d.e]+$", out, re.MULTILINE)
    assert "gradient =\n[[" in out


def test_losses_example_is_computed_now(capsys: pytest.CaptureFixture[str]) -> None:
    main(["losses", "forward_kl"])
    value = forward_kl_loss(EXAMPLE["student_logits"], EXAMPLE["teacher_logits"], temperature=2.0)
    assert f"value = {value:.10g}" in capsys.readouterr().out


def test_losses_says_what_a_gradient_holds_constant(capsys: pytest.CaptureFixture[str]) -> None:
    main(["losses", "weighted_soft_label"])
    assert "The gradient holds the weight w constant." in capsys.readouterr().out


def test_losses_of_an_unknown_name_exits_with_2_and_lists_the_names(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["losses", "kd"])
    assert stopped.value.code == 2
    assert "forward_kl" in capsys.readouterr().err
