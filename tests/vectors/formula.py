"""Vectors on ordinary logits, which tell one formula from another."""

import math
from collections.abc import Iterator

from tests.vectors.drafts import Draft, labels, ordinary, stream
from tests.vectors.losses import File

SETTINGS = (
    (1, 2, 1.0, "two classes at T = 1, where mistakes about classes and temperature hide"),
    (1, 3, 1.0, "one row at T = 1"),
    (1, 3, 2.0, "one row at T = 2"),
    (2, 3, 4.0, "rows, classes and temperature all different"),
    (3, 4, 2.0, "rows, classes and temperature all different"),
    (2, 5, 3.0, "rows, classes and temperature all different"),
    (4, 3, 1.0, "several rows at T = 1, where mistakes about temperature hide"),
    (3, 2, 4.0, "two classes, where dividing by their number and halving are the same"),
    (1, 2, 2.0, "two classes at T = 2"),
    (2, 4, 0.5, "a temperature below 1"),
    (1, 6, 5.0, "a high temperature"),
    (5, 3, 2.5, "more rows than classes"),
    (3, 5, 1.5, "rows, classes and temperature all different"),
)
"""Rows, classes, temperature, and what they show."""

MORE_THAN_TWO_CLASSES = ("standardised_kl", "dist", "top_k_kl")
"""Losses that two classes leave nothing of: z-scores and correlations of two numbers are 1 or -1."""

NOT_BY_HAND = (*MORE_THAN_TWO_CLASSES, "logit_cosine", "universal_logit")
"""An undecided student has no direction, and no ranks."""

BY_HAND = "the teacher says 3 : 1, the student is undecided: a pencil will do"
BY_HAND_LABELS = "a student that says 3 : 1, for its own class: a pencil will do"


def drafts(file: File) -> Iterator[Draft]:
    """One worked example, then each setting; without a temperature, each pair of sizes once."""
    three_to_one, undecided = [[math.log(3.0), 0.0]], [[0.0, 0.0]]
    if file.loss in NOT_BY_HAND:
        pass
    elif file.has_teacher:
        yield file.draft("formula-by-hand", BY_HAND, undecided, three_to_one, [1])
    else:
        yield file.draft("formula-by-hand", BY_HAND_LABELS, three_to_one, None, [0])
    seen = set()
    for n_rows, n_classes, temperature, comment in SETTINGS:
        if not file.is_softened:
            comment, temperature = "ordinary logits", 1.0
        if (n_rows, n_classes, temperature) in seen or not suits(file, n_rows, n_classes):
            continue
        seen.add((n_rows, n_classes, temperature))
        slug = f"formula-{n_rows}-by-{n_classes}"
        slug += f"-at-{temperature:g}" if file.is_softened else ""
        rng = stream(file.name, slug)
        student, teacher = (ordinary(rng, n_rows, n_classes) for _ in range(2))
        yield file.draft(
            slug, comment, student, teacher, labels(rng, n_rows, n_classes), temperature=temperature
        )


def suits(file: File, n_rows: int, n_classes: int) -> bool:
    """Correlations of columns need a third row as those of rows need a third class."""
    enough_classes = n_classes > 2 or file.loss not in MORE_THAN_TWO_CLASSES
    return enough_classes and (n_rows > 2 or file.is_separable)
