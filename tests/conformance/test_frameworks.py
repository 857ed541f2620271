"""Losses in other frameworks; each test needs its framework, which the default run does without."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from kdref.conformance import diagnose

pytestmark = pytest.mark.peers


def hinton_in_torch(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    functional = pytest.importorskip("torch.nn.functional")
    log_q = functional.log_softmax(student / temperature, dim=-1)
    p = functional.softmax(teacher / temperature, dim=-1)
    soft = functional.kl_div(log_q, p, reduction="batchmean") * temperature**2
    return alpha * soft + (1 - alpha) * functional.cross_entropy(student, labels)


def test_torch_has_its_threads_back_after_a_diagnosis() -> None:
    torch = pytest.importorskip("torch")
    before, seen = torch.get_num_threads(), set()

    def loss(student: Any, teacher: Any, labels: Any) -> Any:
        seen.add(torch.get_num_threads())
        return (student - teacher).square().mean()

    try:
        torch.set_num_threads(3)
        diagnose(loss, framework="torch")
        assert (seen, torch.get_num_threads()) == ({1}, 3)
    finally:
        torch.set_num_threads(before)


def hinton_in_jax(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    jax = pytest.importorskip("jax")
    log_q = jax.nn.log_softmax(student / temperature, axis=-1)
    log_p = jax.nn.log_softmax(jax.lax.stop_gradient(teacher) / temperature, axis=-1)
    soft = (jax.numpy.exp(log_p) * (log_p - log_q)).sum(-1).mean() * temperature**2
    hard = -jax.nn.log_softmax(student)[np.arange(len(labels)), labels].mean()
    return alpha * soft + (1 - alpha) * hard


def hinton_in_tensorflow(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    tf = pytest.importorskip("tensorflow")
    log_q = tf.nn.log_softmax(student / temperature, axis=-1)
    log_p = tf.nn.log_softmax(tf.stop_gradient(teacher) / temperature, axis=-1)
    soft = tf.reduce_mean(tf.reduce_sum(tf.exp(log_p) * (log_p - log_q), axis=-1))
    hard = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, student))
    return alpha * temperature**2 * soft + (1 - alpha) * hard


def hinton_in_keras(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    ops = pytest.importorskip("keras").ops
    log_q = ops.log_softmax(student / temperature, axis=-1)
    log_p = ops.log_softmax(ops.stop_gradient(teacher) / temperature, axis=-1)
    soft = ops.mean(ops.sum(ops.exp(log_p) * (log_p - log_q), axis=-1)) * temperature**2
    hard = ops.mean(ops.sparse_categorical_crossentropy(labels, student, from_logits=True))
    return alpha * soft + (1 - alpha) * hard


def test_a_torch_loss_that_detaches_its_teacher_agrees_without_any_finding() -> None:
    pytest.importorskip("torch")

    def detached(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return hinton_in_torch(
            student, teacher.detach(), labels, temperature=temperature, alpha=alpha
        )

    report = diagnose(detached, framework="torch")
    assert (report.verdict, report.codes) == ("agrees", frozenset({"AGREES"}))


def test_a_teacher_that_gets_a_gradient_is_a_caution_if_it_is_frozen_and_wrong_if_not() -> None:
    pytest.importorskip("torch")
    report = diagnose(hinton_in_torch, framework="torch")
    assert report.codes == {"AGREES", "TEACHER_GETS_GRADIENT"}
    assert report.verdict == "agrees"
    assert "teacher.detach()" in str(report)
    assert diagnose(hinton_in_torch, framework="torch", frozen_teacher=False).verdict == "wrong"


def test_a_detached_part_of_the_student_is_a_gradient_mismatch() -> None:
    pytest.importorskip("torch")

    def half_detached(
        student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
    ) -> Any:
        given = {"temperature": temperature}
        soft = hinton_in_torch(student.detach(), teacher.detach(), labels, alpha=1.0, **given)
        return alpha * soft + (1 - alpha) * hinton_in_torch(
            student, teacher, labels, alpha=0.0, **given
        )

    report = diagnose(half_detached, framework="torch")
    assert report.codes == {"GRADIENT_MISMATCH"}
    assert report.formula.endswith("KL(teacher/T || student/T)")


def test_a_weight_held_constant_in_an_unknown_loss_is_no_mistake_but_a_lost_gradient_is() -> None:
    torch = pytest.importorskip("torch")

    def weighted(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        gap = torch.sin(student) - torch.sin(teacher.detach())
        return (gap.detach().abs() * gap**2).sum()

    def lost(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return (
            weighted(student.detach(), teacher, labels, temperature=1.0, alpha=0.5)
            + 0 * student.sum()
        )

    report = diagnose(weighted, framework="torch")
    assert report.verdict == "unknown"
    assert report.codes == set()
    assert any("held constant on purpose" in item for item in report.untested)
    assert diagnose(weighted, framework="torch", parts=("gradient",)).verdict == "unknown"
    (finding,) = diagnose(lost, framework="torch").findings
    assert finding.code == "GRADIENT_MISMATCH"
    assert "0 times the derivative" in finding.detail


def test_a_wrong_backward_pass_is_told_with_its_factor() -> None:
    torch = pytest.importorskip("torch")

    class Scaled(torch.autograd.Function):  # type: ignore[misc, name-defined]  # torch is of no type here
        @staticmethod
        def forward(context: Any, x: Any) -> Any:
            return x.clone()

        @staticmethod
        def backward(context: Any, gradient: Any) -> Any:
            return 16.0 * gradient

    def loss(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        value = hinton_in_torch(
            student, teacher.detach(), labels, temperature=temperature, alpha=alpha
        )
        return Scaled.apply(value)

    (finding,) = diagnose(loss, framework="torch").findings
    assert finding.code == "GRADIENT_MISMATCH"
    assert "16 times the derivative" in finding.detail


def test_a_torch_loss_that_writes_to_its_input_is_told() -> None:
    pytest.importorskip("torch")

    def in_place(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        value = hinton_in_torch(
            student, teacher.detach(), labels, temperature=temperature, alpha=alpha
        )
        student /= temperature
        return value

    assert "INPUT_MUTATED" in diagnose(in_place, framework="torch").codes


def test_a_loss_in_single_precision_agrees() -> None:
    pytest.importorskip("torch")

    def single(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return hinton_in_torch(
            student.float(), teacher.float().detach(), labels, temperature=temperature, alpha=alpha
        )

    assert diagnose(single, framework="torch").codes == {"AGREES"}


def test_a_jax_loss_agrees() -> None:
    pytest.importorskip("jax")
    assert diagnose(hinton_in_jax, framework="jax").codes == {"AGREES"}


def test_a_jax_loss_that_forgets_the_square_and_the_stop_is_told_so() -> None:
    jax = pytest.importorskip("jax")

    def loss(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        log_q, log_p = (jax.nn.log_softmax(z / temperature) for z in (student, teacher))
        soft = (jax.numpy.exp(log_p) * (log_p - log_q)).sum(-1).mean()
        hard = -jax.nn.log_softmax(student)[np.arange(len(labels)), labels].mean()
        return alpha * soft + (1 - alpha) * hard

    report = diagnose(loss, framework="jax")
    assert report.codes == {"T_SQUARED_MISSING", "TEACHER_GETS_GRADIENT"}
    assert "jax.lax.stop_gradient(teacher)" in str(report)


def test_a_tensorflow_loss_agrees() -> None:
    pytest.importorskip("tensorflow")
    assert diagnose(hinton_in_tensorflow, framework="tensorflow").codes == {"AGREES"}


def test_a_tensorflow_gradient_that_reaches_the_teacher_is_told() -> None:
    tf = pytest.importorskip("tensorflow")

    def loss(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        p = tf.nn.softmax(teacher / temperature)
        soft = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(p, student / temperature))
        return soft * temperature**2

    report = diagnose(loss, framework="tensorflow")
    assert report.codes == {"SOFT_ONLY", "CROSS_ENTROPY_NOT_KL", "TEACHER_GETS_GRADIENT"}
    assert "tf.stop_gradient(teacher)" in str(report)


IN_KERAS = """
from kdref.conformance import diagnose
from tests.conformance.test_frameworks import hinton_in_keras
print(sorted(diagnose(hinton_in_keras, framework="keras").codes))
"""


@pytest.mark.parametrize("backend", ["torch", "jax", "tensorflow"])
def test_a_keras_loss_agrees_on_each_backend(backend: Any) -> None:
    pytest.importorskip("keras")
    pytest.importorskip(backend)
    done = subprocess.run(
        [sys.executable, "-c", IN_KERAS],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.strip() == "['AGREES']", done.stderr


def as_number(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    return hinton_in_torch(student, teacher, labels, temperature=temperature, alpha=alpha).item()


def cut_off(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
    return hinton_in_torch(student, teacher, labels, temperature=temperature, alpha=alpha).detach()


def without_gradients(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    with pytest.importorskip("torch").no_grad():
        return hinton_in_torch(student, teacher, labels, temperature=temperature, alpha=alpha)


def written_to_in_between(
    student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any
) -> Any:
    kept = student.sigmoid()
    value = hinton_in_torch(
        student + 0.0 * kept, teacher.detach(), labels, temperature=temperature, alpha=alpha
    )
    kept += 1.0
    return value


@pytest.mark.parametrize(
    ("loss", "seen"),
    [
        (as_number, "not connected with the student's logits"),
        (cut_off, "not connected with the student's logits"),
        (without_gradients, "not connected with the student's logits"),
        (written_to_in_between, "RuntimeError: one of the variables needed for gradient"),
    ],
)
def test_a_loss_that_cannot_be_differentiated_cannot_be_trained_with(loss: Any, seen: str) -> None:
    pytest.importorskip("torch")
    report = diagnose(loss, framework="torch")
    (finding,) = report.findings
    assert (report.verdict, finding.code) == ("wrong", "GRADIENT_MISMATCH")
    assert finding.meaning == "there is no gradient with respect to the student"
    assert seen in finding.detail
    assert diagnose(loss, framework="torch", parts=("gradient",)).verdict == "wrong"


def test_a_jax_loss_that_leaves_jax_cannot_be_trained_with() -> None:
    pytest.importorskip("jax")

    def in_numpy(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        return np.mean((np.asarray(student) - np.asarray(teacher)) ** 2)

    (finding,) = [
        f for f in diagnose(in_numpy, framework="jax").findings if f.code == "GRADIENT_MISMATCH"
    ]
    assert finding.meaning == "there is no gradient with respect to the student"
    assert "TracerArrayConversionError" in finding.detail


def test_nan_that_a_selection_hides_in_the_value_shows_in_the_gradient() -> None:
    torch = pytest.importorskip("torch")

    def trap(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        kept = torch.where(student > -1e9, student, torch.log(0.0 * student))
        return hinton_in_torch(kept, teacher.detach(), labels, temperature=temperature, alpha=alpha)

    report = diagnose(trap, framework="torch")
    (finding,) = report.findings
    assert (report.verdict, finding.code) == ("wrong", "GRADIENT_MISMATCH")
    assert finding.detail.startswith("30 of 30 entries are NaN or infinite on ordinary logits")


def test_nan_that_reaches_the_teacher_is_told() -> None:
    torch = pytest.importorskip("torch")

    def trap(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        kept = torch.where(teacher > -1e9, teacher, torch.log(0.0 * teacher))
        return hinton_in_torch(student, kept, labels, temperature=temperature, alpha=alpha)

    report = diagnose(trap, framework="torch", frozen_teacher=False)
    (finding,) = report.findings
    assert (report.verdict, finding.code) == ("wrong", "TEACHER_GETS_GRADIENT")
    assert finding.detail.startswith("NaN or infinite")


def test_a_temperature_in_a_tensor_of_single_precision_is_no_epsilon() -> None:
    torch = pytest.importorskip("torch")

    def loss(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        held = torch.tensor(temperature)
        return hinton_in_torch(student, teacher.detach(), labels, temperature=held, alpha=alpha)

    report = diagnose(loss, framework="torch")
    assert report.codes == {"AGREES"}
    assert any("is held in single precision" in note for note in report.notes)


def test_logarithms_without_log_target_are_told_of_it() -> None:
    functional = pytest.importorskip("torch.nn.functional")

    def loss(student: Any, teacher: Any, labels: Any, *, temperature: Any, alpha: Any) -> Any:
        log_q, log_p = (functional.log_softmax(z / temperature, -1) for z in (student, teacher))
        return temperature**2 * functional.kl_div(log_q, log_p, reduction="batchmean")

    (finding,) = diagnose(loss, framework="torch").findings
    assert finding.code == "NOT_FINITE"
    assert "log_target=True" in finding.repair


def test_a_module_without_temperature_and_alpha_is_called_as_its_forward_is() -> None:
    torch = pytest.importorskip("torch")

    class Criterion(torch.nn.Module):  # type: ignore[misc, name-defined]  # torch is of no type here
        def forward(self, student_logits: Any, teacher_logits: Any, labels: Any) -> Any:
            given = {"temperature": 4.0, "alpha": 0.9}
            return hinton_in_torch(student_logits, teacher_logits.detach(), labels, **given)

    report = diagnose(Criterion(), framework="torch")
    assert report.codes == {"AGREES"}
    assert "alpha = 0.9 is built in: the loss takes none" in report.notes
