"""Vectors that have several answers, since several definitions are in use under the name."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from gmpy2 import mpfr

from tests.oracle.batch import LOSSES, RowLoss
from tests.vectors.drafts import Draft, labels, ordinary, stream
from tests.vectors.losses import File


class Choice(NamedTuple):
    """One answer: a loss, the file's own if none is given, times a factor, on the rows of the mask; or a refusal."""

    name: str
    loss: RowLoss | None = None
    factor: Callable[[Draft], mpfr] = lambda draft: mpfr(1)
    mask: tuple[float, ...] | None = None
    refused: bool = False


def temperature_squared(draft: Draft) -> mpfr:
    """T^2."""
    return mpfr(draft.parameters["temperature"]) ** 2


def n_rows(draft: Draft) -> mpfr:
    """The number of rows: from a mean to a sum."""
    return mpfr(draft.rows)


def n_classes(draft: Draft) -> mpfr:
    """The number of classes: from a mean to a sum."""
    return 1 / class_share(draft)


def class_share(draft: Draft) -> mpfr:
    """One over the number of classes: from a sum to a mean."""
    return mpfr(1) / len(next(iter(draft.inputs.values()))[0])


def drafts(file: File) -> Iterator[Draft]:
    """The vectors of a file that tell which convention an implementation follows."""
    for slug, choices in CHOICES:
        if applies(slug, file):
            yield from two(file, slug, choices)
    if file.has_labels:
        yield from ignored_label(file)


def applies(slug: str, file: File) -> bool:
    """Whether these definitions are in use for a loss."""
    if slug == "rows":
        return file.is_separable
    if slug == "t-squared":
        return file.is_softened and file.loss not in WITH_T_SQUARED
    return slug.endswith(f" of {file.name}")


WITH_T_SQUARED = ("distillation", "normalised_kd")
"""Losses whose own formula has T^2."""


def keyword_blind(name: str, *ignored: str) -> RowLoss:
    """A loss called with parameters, and a label, that it does not have."""
    loss = LOSSES[name]

    def bare(function: Callable[..., object]) -> Callable[..., object]:
        return lambda student, teacher, *_, **options: function(
            student, teacher, **{k: v for k, v in options.items() if k not in ignored}
        )

    return RowLoss(bare(loss.value), bare(loss.gradient))  # type: ignore[arg-type]  # of the wrapped ones


FORWARD, CROSS_ENTROPY = LOSSES["forward_kl"], LOSSES["soft_cross_entropy"]
SCALED_CROSS_ENTROPY = keyword_blind("soft_cross_entropy", "alpha")

CHOICES: tuple[tuple[str, tuple[Choice, ...]], ...] = (
    ("rows", (Choice("the mean over rows"), Choice("the sum over rows", factor=n_rows))),
    ("t-squared", (Choice("without a factor T^2"), Choice("T^2 inside", factor=temperature_squared))),
    ("entropy of forward_kl",
     (Choice("Kullback-Leibler divergence"), Choice("cross entropy with the teacher", CROSS_ENTROPY))),
    ("entropy of soft_cross_entropy",
     (Choice("cross entropy with the teacher"), Choice("Kullback-Leibler divergence", FORWARD))),
    ("entropy of distillation_1",
     (Choice("T^2 KL(p, q)"),
      Choice("T^2 times the cross entropy", SCALED_CROSS_ENTROPY, temperature_squared))),
    ("classes of forward_kl",
     (Choice("the sum over classes"), Choice("the mean over classes", factor=class_share))),
    ("classes of logit_mse",
     (Choice("the mean over classes"), Choice("the sum over classes", factor=n_classes))),
    ("factor of total_variation",
     (Choice("with the factor 1/2"), Choice("without the factor 1/2", factor=lambda draft: mpfr(2)))),
    ("factor of symmetric_kl_0_25",
     (Choice("weights that sum to 1"),
      Choice("twice that, as the sum of two terms", factor=lambda draft: mpfr(2)))),
)  # fmt: skip
"""The definitions in use, by what they differ in and for which file; kdref's first."""


def two(file: File, slug: str, choices: tuple[Choice, ...]) -> Iterator[Draft]:
    """Two vectors that the choices differ on."""
    slug = slug.partition(" of ")[0]
    for number, (rows, classes, temperature) in enumerate(((2, 3, 4.0), (3, 5, 2.0)), 1):
        rows = rows if file.is_separable else 3  # correlations of two numbers are 1 or -1
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
            conventions=choices,
        )


def ignored_label(file: File) -> Iterator[Draft]:
    """PyTorch's label of a row that does not count, elsewhere no class at all."""
    rng = stream(file.name, "convention", "label")
    student, teacher = ordinary(rng, 3, 3), ordinary(rng, 3, 3)
    kept = (1.0, 0.0, 1.0)
    choices = (
        Choice("no class: refused", refused=True),
        Choice("-100 marks a row that does not count", mask=kept),
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
    nothing = Choice("the formula: 0")
    jumps = {
        0.0: Choice("a jump to KL(p, q)", keyword_blind("forward_kl", "beta")),
        1.0: Choice("a jump to KL(q, p)", keyword_blind("reverse_kl", "beta")),
    }
    for beta, jump in jumps.items():
        file = File("generalised_js_ends", "generalised_js", {"beta": beta})
        yield from two(file, f"beta-{beta:g}", (nothing, jump))
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
