"""Print each loss, the implementation that it agrees with, and the largest differences."""

import sys

from tests.peers.agreement import measure
from tests.peers.published import PUBLISHED
from tests.peers.transcribed import TRANSCRIBED


def main() -> None:
    """One line for each pair."""
    sys.stdout.write(f"{'loss':20} {'second implementation':22} {'value':>8} {'gradient':>9}\n")
    for peer in PUBLISHED + TRANSCRIBED:
        difference = measure(peer)
        sys.stdout.write(
            f"{peer.loss:20} {peer.package:22} {difference.value:8.1e} {difference.gradient:9.1e}\n"
        )


if __name__ == "__main__":
    main()
