"""Many cases in one test: as telling as a parametrised test, without thousands of items to collect and report."""

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

Case = tuple[str, dict[str, Any]]
"""A label, and the arguments of the test by name."""


def for_each(cases: Iterable[Case]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run the decorated test for every case, and fail with all those that fail, each under its label.

    Fixtures and other parameters of the test are left to pytest.
    """
    listed = list(cases)
    assert listed, "a test without cases cannot fail"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def one_after_another(**others: Any) -> None:
            failures: list[BaseException] = []
            for label, arguments in listed:
                try:
                    test(**arguments, **others)
                # A missing exception is reported by one that is no Exception.
                except (Exception, pytest.fail.Exception) as error:
                    error.add_note(f"case: {label}")
                    failures.append(error)
            if failures:
                text = f"{len(failures)} of {len(listed)} cases fail"
                raise BaseExceptionGroup(text, failures)

        signature = inspect.signature(test)
        left = [p for name, p in signature.parameters.items() if name not in listed[0][1]]
        # What pytest reads to know which fixtures and parameters to pass.
        one_after_another.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]  # see above
        return one_after_another

    return decorate
