"""The loop that stands for thousands of parametrised items reports every case that fails, and only those."""

import pytest

from tests.looping import for_each


@for_each((f"{n} and one more", {"n": n}) for n in range(3))
@pytest.mark.parametrize("step", [1, 2])
def test_for_each_passes_the_cases_beside_the_parameters_of_pytest(n: int, step: int) -> None:
    assert 0 <= n < n + step < 5


def test_for_each_fails_with_each_failing_case_under_its_label() -> None:
    seen: list[int] = []

    @for_each((str(n), {"n": n}) for n in range(4))
    def test(n: int) -> None:
        seen.append(n)
        if n == 1:
            raise ValueError
        with pytest.raises(ZeroDivisionError):
            1 // (n // 3)

    with pytest.raises(BaseExceptionGroup, match="2 of 4 cases fail") as caught:
        test()
    assert seen == [0, 1, 2, 3]
    labels = [note for error in caught.value.exceptions for note in error.__notes__]
    assert labels == ["case: 1", "case: 3"]


def test_for_each_refuses_to_test_nothing() -> None:
    with pytest.raises(AssertionError, match="cannot fail"):
        for_each([])
