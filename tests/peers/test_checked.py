"""The result file holds what `diagnose` says today of the installed packages."""

import json

import pytest

from tests.peers.checked import RESULT, as_data, check
from tests.peers.packages import PACKAGES

pytestmark = pytest.mark.peers

COMMITTED = json.loads(RESULT.read_text(encoding="utf-8"))


def test_every_package_is_in_the_result_file() -> None:
    assert list(COMMITTED) == list(PACKAGES)


@pytest.mark.filterwarnings("ignore")  # the packages' own
@pytest.mark.parametrize("name", PACKAGES)
def test_check_says_what_the_result_file_holds(name: str) -> None:
    said = as_data(name, check(name))
    assert said == COMMITTED[name], "run: python -m tests.peers.checked"
