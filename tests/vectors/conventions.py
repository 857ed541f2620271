"""Vectors that have several answers, since several definitions are in use under the name."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gmpy2 import mpfr

from tests.oracle.batch import LOSSES, RowLoss
from tests.vectors.drafts import Draft, labels, ordinary, stream
from tests.vectors.losses import File


class Choice(NamedTuple):
    """One answer: a loss times a factor, on the rows of the mask; or a refusal."""

    name: str
    loss: RowLoss | None
    factor: Callable[[Draft], mpfr] = lambda draft: mpfr(1)
    mask: tuple[float, ...] | None = None


def temperature_squared(draft: Draft) -> mpfr:
    """T^2."""
    return mpfr(draft.parameters["temperature"]) ** 2


def n_rows(draft: Draft) -> mpfr:
    """The number of rows: from a mean to a sum."""
    return mpfr(draft.rows)


def class_share(draft: Draft) -> mpfr:
    """One over the number of classes: from a sum to a mean."""
    return mpfr(1) / len(next(iter(draft.inputs.values()))[0])


def drafts(file: File) -> Iterator[Draft]:
    """The vectors of a file that tell which convention an implementation follows."""
    mean = Choice("the mean over rows", file.formula)
    yield from two(file, "rows", [mean, Choice("the sum over rows", file.formula, n_rows)])
    if file.is_softened and file.loss != "distillation":
        plain = Choice("without a factor T^2", file.formula)
        yield from two(
            file, "t-squared", [plain, Choice("T^2 inside", file.formula, temperature_squared)]
        )
    if file.loss in ("forward_kl", "soft_cross_entropy"):
        kl = Choice("Kullback-Leibler divergence", LOSSES["forward_kl"])
        entropy = Choice("cross entropy with the teacher", LOSSES["soft_cross_entropy"])
        both = [kl, entropy] if file.loss == "forward_kl" else [entropy, kl]
        yield from two(file, "entropy", both)
    if file.loss == "forward_kl":
        total = Choice("the sum over classes", file.formula)
        yield from two(
            file, "classes", [total, Choice("the mean over classes", file.formula, class_share)]
        )
    if file.name == "distillation_1":
        kl = Choice("T^2 KL(p, q)", file.formula)
        entropy = Choice("T^2 times the cross entropy", soft_cross_entropy, temperature_squared)
        yield from two(file, "entropy", [kl, entropy])
    if file.loss in ("total_variation", "symmetric_kl"):
        half = Choice(
            "with the factor 1/2" if file.loss == "total_variation" else "weights that sum to 1",
            file.formula,
        )
        whole = (
            "without the factor 1/2"
            if file.loss == "total_variation"
            else "twice that, as the sum of two terms"
        )
        yield from two(file, "factor", [half, Choice(whole, file.formula, lambda draft: mpfr(2))])
    if file.has_labels:
        yield from ignored_label(file)


def keyword_blind(name: str, *ignored: str) -> RowLoss:
    """A loss called with parameters, and a label, that it does not have."""
    loss = LOSSES[name]

    def bare(function: Callable[..., object]) -> Callable[..., object]:
        return lambda student, teacher, *_, **options: function(
            student, teacher, **{k: v for k, v in options.items() if k not in ignored}
        )

    return RowLoss(bare(loss.value), bare(loss.gradient))  # type: ignore[arg-type]


soft_cross_entropy = keyword_blind("soft_cross_entropy", "alpha")


def two(file: File, slug: str, choices: list[Choice]) -> Iterator[Draft]:
    """Two vectors that the choices differ on."""
    for number, (rows, classes, temperature) in enumerate(((2, 3, 4.0), (3, 5, 2.0)), 1):
        rng = stream(file.name, "convention", slug, str(number))
        student, teacher = ordinary(rng, rows, classes), ordinary(rng, rows, classes)
        yield file.draft(
            f"convention-{slug}-{number}",
            "in use: " + "; ".join(choice.name for choice in choices),
            student,
            teacher,
            labels(rng, rows, classes),
            temperature=temperature,
            flags=("CONVENTION",),
            conventions=tuple(choices),
        )


def ignored_label(file: File) -> Iterator[Draft]:
    """PyTorch's label of a row that does not count, elsewhere no class at all."""
    rng = stream(file.name, "convention", "label")
    student, teacher = ordinary(rng, 3, 3), ordinary(rng, 3, 3)
    kept = (1.0, 0.0, 1.0)
    choices = (
        Choice("no class: refused", None),
        Choice("-100 marks a row that does not count", file.formula, mask=kept),
    )
    yield file.draft(
        "convention-ignored-label",
        "a label of -100, in use: " + "; ".join(choice.name for choice in choices),
        student,
        teacher,
        [0, -100, 2],
        temperature=2.0,
        flags=("CONVENTION",),
        conventions=choices,
    )


def ends() -> Iterator[Draft]:
    """The Jensen-Shannon loss at beta 0 and 1, where its formula gives 0 and some libraries jump to a whole KL."""
    nothing = Choice("the formula: 0", LOSSES["generalised_js"])
    jumps = {
        0.0: Choice("a jump to KL(p, q)", keyword_blind("forward_kl", "beta")),
        1.0: Choice("a jump to KL(q, p)", keyword_blind("reverse_kl", "beta")),
    }
    for beta, jump in jumps.items():
        file = File("generalised_js_ends", "generalised_js", {"beta": beta})
        yield from two(file, f"beta-{beta:g}", [nothing, jump])
    for slug, beta in (("near-0", 1e-6), ("near-1", 1.0 - 1e-6)):
        file = File("generalised_js_ends", "generalised_js", {"beta": beta})
        rng = stream(file.name, slug)
        student, teacher = ordinary(rng, 2, 3), ordinary(rng, 2, 3)
        comment = f"the loss is continuous: beta is {beta}, and it is nearly 0"
        yield file.draft(
            f"beta-{slug}",
            comment,
            student,
            teacher,
            None,
            temperature=2.0,
            flags=("SHARE_NEAR_END",),
        )
