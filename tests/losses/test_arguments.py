"""Requirements of some losses, by the place that the caller knows."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kdref.losses import _arguments
from kdref.losses._rows import Rows

ROWS = Rows(9, np.array([3, 7]), np.ones(2))
"""Two rows out of nine carry weight."""


def refuses(message: str, check: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check(*arguments)


def test_zero_vector_is_named_by_its_row() -> None:
    _arguments.nonzero_rows("f", np.array([[0.0, 1.0], [-1.0, 0.0]]), ROWS)
    message = "f must not hold a zero vector, got one in row 7"
    refuses(message, _arguments.nonzero_rows, "f", np.array([[0.0, 1.0], [0.0, 0.0]]), ROWS)


def test_label_that_both_sides_exclude_is_named_by_its_row() -> None:
    one = np.array([np.inf, 1.0])
    _arguments.not_both_infinite("labels", one, np.array([1.0, np.inf]), ROWS)
    message = "labels must not be excluded by student and teacher alike, got both in row 7"
    other = np.array([1.0, np.inf])
    refuses(message, _arguments.not_both_infinite, "labels", other, other, ROWS)


def test_row_without_another_class_than_the_label_is_named_by_its_place() -> None:
    logits, labels = np.array([[0.0, 1.0], [2.0, -np.inf]]), np.array([[1], [1]])
    rest = _arguments.without_label("z", logits, labels, ROWS)
    assert rest.tolist() == [[0.0, -np.inf], [2.0, -np.inf]]
    message = "z without the label must have a finite logit in each row, got -inf at index 7"
    refuses(message, _arguments.without_label, "z", logits, np.array([[1], [0]]), ROWS)
