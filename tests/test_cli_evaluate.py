"""``kdref evaluate``: the numbers of the library from files, and one clear line for files that cannot be used."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kdref import cli
from kdref.cli import evaluate
from kdref.registry import LOSSES

N_ROWS, N_CLASSES = 20, 5


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    """A batch in files, by name."""
    rng = np.random.default_rng(17)
    student, teacher = rng.normal(0.0, 2.0, (2, N_ROWS, N_CLASSES)).astype(np.float32)
    weights = np.arange(N_ROWS) % 3 > 0
    arrays = {
        "student": student,
        "teacher": teacher,
        "labels": rng.integers(N_CLASSES, size=N_ROWS),
        "weights": weights,
    }
    paths = {name: tmp_path / f"{name}.npy" for name in arrays}
    for name, array in arrays.items():
        np.save(paths[name], array)
    return paths


def called(*arguments: object) -> int:
    return cli.main(["evaluate", *map(str, arguments)])


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


@pytest.mark.parametrize("name", ["hard_label", "forward_kl", "generalised_js", "distillation"])
def test_evaluate_prints_the_value_of_the_library(
    name: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    entry = LOSSES[name]
    arguments: list[object] = [files["student"]]
    arguments += [files["teacher"]] if "teacher_logits" in entry.inputs else []
    arguments += ["--labels", files["labels"]] if "labels" in entry.inputs else []
    for parameter, value in entry.parameters.items():
        arguments += [f"--{parameter}", value]
    assert called(*arguments, "--loss", name, "--weights", files["weights"], "--json") == 0
    inputs = {f"{side}_logits": np.load(files[side]) for side in ("student", "teacher")}
    inputs["labels"] = np.load(files["labels"])
    expected = entry.value(
        *(inputs[key] for key in entry.inputs),
        weights=np.load(files["weights"]),
        **entry.parameters,
    )
    data = printed(capsys)
    assert data["value"] == pytest.approx(expected, rel=1e-12)
    assert (data["rows"], data["classes"]) == (N_ROWS, N_CLASSES)
    assert data["parameters"] == dict(entry.parameters)


def test_evaluate_names_the_defaults_that_hold(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    called(files["student"], files["teacher"], "--labels", files["labels"], "--loss=distillation")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "distillation, temperature 4.0, alpha 0.9: 20 rows of 5 classes"
    expected = LOSSES["distillation"].value(
        *(np.load(files[n]) for n in ("student", "teacher", "labels"))
    )
    assert float(lines[1].split()[1]) == pytest.approx(expected, rel=1e-12)
    assert lines[2].startswith("rows recomputed  0 ")


def test_evaluate_writes_the_gradient_in_the_type_of_the_student(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "gradient.npy"
    out.write_text("what was there before", encoding="utf-8")
    assert called(files["student"], files["teacher"], "--loss=reverse_kl", "--gradient", out) == 0
    assert f"gradient         {out}" in capsys.readouterr().out
    gradient = np.load(out)
    assert gradient.dtype == np.float32
    expected = LOSSES["reverse_kl"].grad(np.load(files["student"]), np.load(files["teacher"]))
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [*(path.name for path in files.values()), "gradient.npy"]
    )


def test_evaluate_leaves_the_old_gradient_when_the_loss_refuses(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    student = np.load(files["student"])
    student[13, 2] = np.nan
    np.save(files["student"], student)
    out = tmp_path / "gradient.npy"
    out.write_text("what was there before", encoding="utf-8")
    assert called(files["student"], files["teacher"], "--loss=forward_kl", "--gradient", out) == 2
    assert capsys.readouterr().err == (
        "kdref: error: student_logits must not hold NaN or +inf, got nan at index (13, 2)\n"
    )
    assert out.read_text(encoding="utf-8") == "what was there before"
    assert len(list(tmp_path.iterdir())) == 5


def write_truncated(path: Path) -> None:
    np.save(path, np.zeros((N_ROWS, N_CLASSES), np.float32))
    os.truncate(path, path.stat().st_size - 4)


def write_truncated_header(path: Path) -> None:
    np.save(path, np.zeros((N_ROWS, N_CLASSES), np.float32))
    os.truncate(path, 50)


def write_negative_size(path: Path) -> None:
    np.save(path, np.zeros((N_ROWS, N_CLASSES), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(20, 5), ", b"(20, -5),"))


def write_pickled(path: Path) -> None:
    np.save(path, np.array([[1.0, None]], dtype=object), allow_pickle=True)


def write_archive(path: Path) -> None:
    with path.open("wb") as file:
        np.savez(file, a=np.zeros((2, 2)))


def write_array(array: Any) -> Any:
    return lambda path: np.save(path, array)


@pytest.mark.parametrize(
    ("role", "write", "message"),
    [
        ("student", write_truncated, "must have 528 bytes for its shape (20, 5), got 524: it is truncated"),
        ("student", write_truncated_header, "must have a .npy header, got a damaged one"),
        ("teacher", write_negative_size, "must have sizes >= 0, got shape (20, -5)"),
        ("teacher", write_pickled, "must hold float16, float32 or float64, got pickled Python objects"),
        ("teacher", write_archive, "must be a .npy file, got one that does not begin like it"),
        ("teacher", lambda path: path.write_bytes(b""), "must be a .npy file, got one that does not"),
        ("teacher", lambda path: path.unlink(), "No such file or directory"),
        ("teacher", write_array(np.zeros((20, 5), int)), "must hold float16, float32 or float64, got int64"),
        ("student", write_array(np.zeros((20, 5), complex)), "or float64, got complex128"),
        ("student", write_array(np.zeros((20, 5), "U3")), "or float64, got <U3"),
        ("student", write_array(np.zeros((0, 5))), "must hold at least one number, got shape (0, 5)"),
        ("student", write_array(np.zeros(5)), "student_logits must have shape (N, C)"),
        ("teacher", write_array(np.zeros((20, 6))), "must have the same shape, got (20, 5) and (20, 6)"),
        ("labels", write_array(np.zeros(20)), "must hold integers, got float64"),
        ("labels", write_array(np.full(20, 5)), "labels must lie in 0 .. 4, got 5 at index 1"),  # row 0 weighs nothing
        ("labels", write_array(np.zeros(19, int)), "labels must have shape (20,), one entry a row"),
        ("weights", write_array(np.zeros(20)), "weights must include one above 0, got only zeros"),
        ("weights", write_array(np.zeros(20, "M8[s]")), "must hold numbers or booleans, got datetime64[s]"),
    ],
)  # fmt: skip
def test_evaluate_refuses_a_bad_file_with_one_clear_line(
    role: str,
    write: Any,
    message: str,
    files: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
) -> None:
    write(files[role])
    options = ["--labels", files["labels"], "--weights", files["weights"], "--loss=distillation"]
    assert called(files["student"], files["teacher"], *options) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("kdref: error: ")
    assert message in captured.err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--loss=forward_kl", "--alpha=0.5"], "alpha must not be given for forward_kl, which has none"),
        (["--loss=forward_kl", "--temperature=-1"], "temperature must be finite and > 0, got -1.0"),
        (["--loss=distillation"], "labels must be given unless alpha is 1, got None with alpha 0.9"),
        (["--loss=hard_label"], "teacher_logits must be None for hard_label, which does not take it"),
        (["--loss=forward_kl", "--threads=0"], "n_threads must be >= 1, got 0"),
    ],
)  # fmt: skip
def test_evaluate_refuses_options_that_do_not_fit_the_loss(
    options: list[str], message: str, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(files["student"], files["teacher"], *options) == 2
    assert message in capsys.readouterr().err


def test_evaluate_refuses_a_loss_that_is_no_mean_over_rows_of_logits(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        called(files["student"], files["teacher"], "--loss=forward")
    assert "invalid choice: 'forward'" in capsys.readouterr().err


def test_evaluate_refuses_to_write_over_its_input(
    files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = files["teacher"].read_bytes()
    arguments = (files["student"], files["teacher"], "--loss=forward_kl")
    assert called(*arguments, "--gradient", files["teacher"]) == 2
    assert "must not be one of the inputs" in capsys.readouterr().err
    assert files["teacher"].read_bytes() == before


def test_evaluate_shows_a_bar_only_to_a_terminal(
    files: dict[str, Path],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    arguments = (files["student"], files["teacher"], "--loss=forward_kl")
    called(*arguments)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    called(*arguments)
    assert "row" in capsys.readouterr().err
    with evaluate.progress_bar(3) as progress:
        assert progress is not None
        progress(3)


def test_evaluate_from_the_shell_is_one_command(files: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "kdref", "evaluate", files["student"], files["teacher"]]
    done = subprocess.run(
        [*map(str, command), "--loss", "forward_kl", "--temperature", "2"],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[1],
    )
    expected = LOSSES["forward_kl"].value(
        np.load(files["student"]), np.load(files["teacher"]), temperature=2.0
    )
    assert float(done.stdout.splitlines()[1].split()[1]) == pytest.approx(expected, rel=1e-12)
