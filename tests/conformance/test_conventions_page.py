"""The page of what libraries return is what its script makes of `CONVENTIONS`."""

import re

from kdref.conformance import CONVENTIONS
from tests.benchmarks.page import filled
from tests.peers import page


def test_page_is_made_from_the_data() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert filled(text, page.contents()) == text, "run: python -m tests.peers.page"


def test_page_has_every_table_and_a_section_for_every_loss() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert re.findall(r"<!-- table: (.+?) -->", text) == list(page.contents())
    assert re.findall(r"^### (\S+)$", text, flags=re.MULTILINE) == list(CONVENTIONS)


def test_a_class_mean_and_a_student_first_show_in_the_table_of_terms() -> None:
    table = page.terms_table((CONVENTIONS["mmdetection"], CONVENTIONS["torchtune-reverse"]))
    first, second = table.splitlines()[2:]
    assert "| T^2 | mean, divided by C | 1 | none |" in first
    assert "| KL divergence, student first | teacher | student | none | mean |" in second


def test_what_has_no_factor_says_why() -> None:
    table = page.conversions_table((CONVENTIONS["kd-lib-self-training"], CONVENTIONS["trl-gkd"]))
    first, second = table.splitlines()[2:]
    assert "none: the student's logits are not divided by T" in first
    assert "none: generalised Jensen-Shannon divergence" in second
