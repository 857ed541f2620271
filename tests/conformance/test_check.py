import argparse
import json
from types import ModuleType
from typing import Any

import pytest

from kdref.cli import check
from kdref.cli._hints import hints
from kdref.conformance.references import references

RIGHT = """
import kdref

def loss(student, teacher, labels, *, temperature, alpha):
    return kdref.distillation_loss(student, teacher, labels, temperature=temperature, alpha=alpha)

def odd_order(student, labels, teacher, T, a):
    return loss(student, teacher, labels, temperature=T, alpha=a)

def soft(student, teacher, labels, *, temperature, alpha):
    return kdref.soft_cross_entropy_loss(student, teacher, temperature=temperature)

def odd_soft(student, teacher, T):
    return kdref.soft_cross_entropy_loss(student, teacher, temperature=T)

def soft_gradient(student, teacher, labels, *, temperature, alpha):
    return kdref.soft_cross_entropy_loss_grad(student, teacher, temperature=temperature)

def odd(student, teacher, labels, *, temperature, alpha):
    return (student**3 * teacher).mean()

def odd_gradient(student, teacher, labels, *, temperature, alpha):
    return 3 * student**2 * teacher / student.size

def doubled(student, teacher, labels, *, temperature, alpha):
    return 2.0 * kdref.distillation_loss_grad(student, teacher, labels, temperature=temperature, alpha=alpha)

def with_parts(student, labels, teacher):
    soft = kdref.forward_kl_loss(student, teacher, temperature=4.0)
    hard = kdref.hard_label_loss(student, labels)
    return 0.7 * 16.0 * soft + 0.3 * hard, soft, hard

def loud(student, teacher, labels, *, temperature, alpha):
    print("called")
    return fixed(student, teacher)

def fixed(student, teacher):
    return ((student - teacher) ** 2).mean()

def loud_and_broken(student, teacher, labels, *, temperature, alpha):
    print("called with", student.shape)
    raise ValueError

def three_axes(student, teacher, labels, *, temperature, alpha):
    n_batches, length, n_classes = student.shape
    return fixed(student, teacher)

class Criterion:
    def __init__(self, temperature, alpha):
        self.temperature, self.alpha = temperature, alpha

    def __call__(self, outputs, teacher_outputs, labels):
        return self.alpha * fixed(outputs, teacher_outputs)

def broken(student, teacher, labels, *, temperature, alpha):
    return undefined_name
"""


@pytest.fixture
def place(tmp_path: Any, monkeypatch: Any) -> str:
    path = tmp_path / "somebodys_loss.py"
    path.write_text(RIGHT)
    monkeypatch.syspath_prepend(str(tmp_path))
    return str(path)


def run(*arguments: Any) -> int:
    parser = argparse.ArgumentParser()
    check.add_parser(parser.add_subparsers())
    parsed = parser.parse_args(["check", *arguments])
    code: int = parsed.run(parsed)
    return code


def test_a_right_loss_exits_0_and_prints_a_report(place: Any, capsys: Any) -> None:
    assert run(f"{place}:loss") == 0
    assert "verdict    agrees" in capsys.readouterr().out


def test_findings_exit_1_unless_they_are_accepted(place: Any, capsys: Any) -> None:
    assert run(f"{place}:soft") == 1
    codes = ["SOFT_ONLY", "CROSS_ENTROPY_NOT_KL", "T_SQUARED_MISSING"]
    assert run(f"{place}:soft", "--accept", *codes) == 0
    assert "CE(teacher/T, student/T)" in capsys.readouterr().out


def test_json_holds_codes_and_formula(place: Any, capsys: Any) -> None:
    run(f"{place}:soft", "--json")
    data = json.loads(capsys.readouterr().out)
    assert data["codes"] == ["CROSS_ENTROPY_NOT_KL", "SOFT_ONLY", "T_SQUARED_MISSING"]
    assert data["formula"] == "CE(teacher/T, student/T)"
    assert data["latex"] == r"\mathrm{CE}(t/T, s/T)"


def test_another_signature_is_called_by_an_expression(place: Any) -> None:
    assert (
        run(
            f"{place}:odd_order",
            "--call",
            "odd_order(student, labels, teacher, T=temperature, a=alpha)",
        )
        == 0
    )


def test_another_reference_can_be_named(place: Any) -> None:
    assert run(f"{place}:soft", "--against", "soft_cross_entropy") == 0


def test_the_loss_of_a_library_can_be_the_reference(place: Any, capsys: Any) -> None:
    # TextBrewer returns a cross entropy without T^2, and so does this.
    assert run(f"{place}:soft", "--against", "textbrewer") == 0
    assert "reference  CE(teacher/T, student/T)" in capsys.readouterr().out


def test_the_help_lists_what_a_loss_can_be_compared_with(capsys: Any) -> None:
    with pytest.raises(SystemExit):
        run("--help")
    words = capsys.readouterr().out.replace(",", " ").replace(")", " ").split()
    assert set(references()) <= {word.lstrip("(") for word in words}


def test_an_unknown_reference_is_refused_with_the_names(place: Any, capsys: Any) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(f"{place}:soft", "--against", "no-such-library")
    assert stopped.value.code == 2
    assert "'deit'" in capsys.readouterr().err


def test_a_hand_written_gradient_is_judged(place: Any, capsys: Any) -> None:
    assert run(f"{place}:loss", "--gradient", "doubled", "--only", "gradient") == 1
    assert "GRADIENT_MISMATCH" in capsys.readouterr().out


def test_a_gradient_alone_says_nothing_of_the_value(place: Any, capsys: Any) -> None:
    given = ("--gradient", "soft_gradient", "--only", "gradient")
    assert run(f"{place}:soft", *given) == 0
    told = capsys.readouterr().out
    assert "verdict    no fault in its gradient" in told
    assert "the value: it was not asked for" in told
    assert run(f"{place}:soft", *given, "--json") == 0
    assert json.loads(capsys.readouterr().out)["codes"] == []


def test_a_gradient_that_is_not_there_cannot_be_without_fault(place: Any, capsys: Any) -> None:
    assert run(f"{place}:loss", "--only", "gradient") == 1
    assert "verdict    unknown: its gradient could not be tested" in capsys.readouterr().out


@pytest.mark.slow
def test_a_gradient_is_judged_though_no_formula_is_found(place: Any, capsys: Any) -> None:
    assert run(f"{place}:odd", "--gradient", "odd_gradient", "--only", "gradient") == 0
    assert run(f"{place}:odd", "--gradient", "odd_gradient") == 1
    assert "verdict    unknown" in capsys.readouterr().out


def test_a_module_can_be_named_in_place_of_a_file(place: Any) -> None:
    assert run("somebodys_loss:loss") == 0


def test_an_exception_inside_the_loss_exits_2_with_its_own_traceback(
    place: Any, capsys: Any
) -> None:
    assert run(f"{place}:broken") == 2
    error = capsys.readouterr().err
    assert "somebodys_loss.py" in error
    assert "undefined_name" in error
    assert "conformance/diagnosis.py" not in error


def test_the_snippet_runs_and_prints_what_it_says(place: Any, capsys: Any) -> None:
    run(f"{place}:odd_soft", "--call", "odd_soft(student, teacher, T=temperature)", "--json")
    snippet = json.loads(capsys.readouterr().out)["snippet"]
    exec(snippet, {})
    printed = float(capsys.readouterr().out)
    assert f"it gives {printed:.6g}, the reference" in snippet
    assert "odd_soft(student, teacher, T=temperature)" in snippet


def test_settings_that_the_call_does_not_pass_are_told_and_not_accused(
    place: Any, capsys: Any
) -> None:
    assert run(f"{place}:with_parts", "--call", "with_parts(student, labels, teacher)[0]") == 0
    text = capsys.readouterr().out
    assert "a temperature of 4 is built in" in text
    assert "alpha = 0.7 is built in" in text


def test_a_tuple_of_losses_is_not_taken_for_rows(place: Any, capsys: Any) -> None:
    assert run(f"{place}:with_parts", "--call", "with_parts(student, labels, teacher)") == 2
    assert "got a tuple: pick the total" in capsys.readouterr().err


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_loss_that_prints_leaves_the_report_readable(
    place: Any, options: Any, capsys: Any
) -> None:
    assert run(f"{place}:loud", *options) == 1
    told = capsys.readouterr().out
    assert "\ncalled" not in told
    assert "lines, which are not shown" in told
    assert told.startswith("{" if options else "verdict    a convention")


def test_what_a_failing_loss_printed_is_shown(place: Any, capsys: Any) -> None:
    assert run(f"{place}:loud_and_broken") == 2
    assert "it printed\n  called with (3, 5)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("odd_order", '--call "odd_order(student, labels, teacher, T=temperature, a=alpha)"'),
        (
            "three_axes",
            '--call "three_axes(student[None], teacher[None], labels[None], temperature=temperature, alpha=alpha)"',
        ),
        ("Criterion", '--call "Criterion(...)(student, teacher, labels)"'),
        ("broken", "it was called as broken(student, teacher, labels, temperature="),
    ],
)
def test_a_loss_that_cannot_be_called_gets_a_hint_at_another_call(
    place: Any, name: Any, hint: Any, capsys: Any
) -> None:
    assert run(f"{place}:{name}") == 2
    assert hint in capsys.readouterr().err


def test_a_hint_runs_as_it_stands(place: Any) -> None:
    arrays = "student[None], teacher[None], labels[None]"
    call = f"three_axes({arrays}, temperature=temperature, alpha=alpha)"
    assert run(f"{place}:three_axes", "--call", call) == 1
    call = "Criterion(temperature, alpha)(student, teacher, labels)"
    assert run(f"{place}:Criterion", "--call", call) == 1


def test_a_loss_that_ends_the_program_has_not_agreed(tmp_path: Any, capsys: Any) -> None:
    (tmp_path / "ending.py").write_text("def loss(s, t, y):\n    raise SystemExit(0)\n")
    assert run(f"{tmp_path / 'ending.py'}:loss") == 2
    assert "SystemExit" in capsys.readouterr().err


def test_a_file_that_is_no_python_is_refused_by_its_name(tmp_path: Any, capsys: Any) -> None:
    path = tmp_path / "logits.npy"
    path.write_bytes(b"")
    assert run(f"{path}:loss") == 2
    assert f"the file must end in .py, got {str(path)!r}" in capsys.readouterr().err


def test_a_file_that_needs_its_package_is_told_so(tmp_path: Any, capsys: Any) -> None:
    (tmp_path / "inner.py").write_text("from .other import loss\n")
    assert run(f"{tmp_path / 'inner.py'}:loss") == 2
    assert "is given as MODULE:NAME, from the folder above" in capsys.readouterr().err


def test_a_backend_of_keras_that_is_not_there_is_told(tmp_path: Any, capsys: Any) -> None:
    missing = "raise ModuleNotFoundError('no tensorflow', name='tensorflow')"
    (tmp_path / "keras_stand_in.py").write_text(missing)
    (tmp_path / "somebodys.py").write_text("import keras_stand_in\n")
    assert run(f"{tmp_path / 'somebodys.py'}:loss") == 2
    assert "KERAS_BACKEND=torch or jax" in capsys.readouterr().err


def test_a_loss_of_another_framework_is_told() -> None:
    module = ModuleType("in_torch")
    exec("def loss(s, t, y, temperature, alpha): return torch.mean(s)", vars(module))
    vars(module)["torch"] = ModuleType("torch.nn.functional")
    (hint, *_) = hints(TypeError("no tensor"), module, "loss", "numpy", None)
    assert hint == "in_torch uses torch: --framework torch"
    assert not any("--framework" in h for h in hints(TypeError(), module, "loss", "torch", None))


def test_the_snippet_passes_what_the_loss_takes(place: Any, capsys: Any) -> None:
    run(f"{place}:fixed", "--json")
    snippet = json.loads(capsys.readouterr().out)["snippet"]
    assert "print(fixed(student, teacher))" in snippet
    exec(snippet, {})


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("nowhere.py:loss", "the file must exist"),
        ("loss", "must be given as FILE.py:NAME"),
        ("kdref:no_such_loss", "must have a function no_such_loss"),
        ("no_such_module:loss", "No module named"),
    ],
)
def test_what_cannot_be_found_exits_2(where: Any, message: Any, capsys: Any) -> None:
    assert run(where) == 2
    assert message in capsys.readouterr().err
