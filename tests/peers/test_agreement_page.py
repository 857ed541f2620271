"""The page of second implementations shows its result file, which has every loss and every pair."""

import kdref
from tests.benchmarks.page import filled
from tests.peers import agreement_page as page


def test_page_shows_the_result_file() -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    assert filled(text, page.contents()) == text, "run: python -m tests.peers --save"


def test_every_loss_has_a_second_implementation() -> None:
    assert {peer.loss for peer in page.PEERS} == set(kdref.LOSSES)


def test_result_file_has_every_pair_within_its_tolerance() -> None:
    rows = page.results()
    told = [(row["loss"], row["package"], row["relation"]) for row in rows]
    assert told == [(peer.loss, peer.package, peer.relation) for peer in page.PEERS]
    for row, peer in zip(rows, page.PEERS, strict=True):
        assert float(row["value"]) <= peer.tolerance
        assert float(row["gradient"]) <= peer.tolerance
