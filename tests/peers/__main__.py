"""Each loss, the implementation that it agrees with, and the largest differences; ``--save`` writes file and page.

python -m tests.peers [--save]
"""

import sys

from tests.peers import agreement_page as page


def main() -> None:
    """One line for each pair."""
    rows = []
    for row in page.measured():
        rows.append(row)
        sys.stdout.write(
            f"{row['loss']:24} {row['package']:14} {row['value']:8} {row['gradient']:8}  {row['relation']}\n"
        )
    if "--save" in sys.argv[1:]:
        page.save(rows)


if __name__ == "__main__":
    main()
