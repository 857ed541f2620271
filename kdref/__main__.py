"""``python -m kdref`` is the command ``kdref``."""

import sys

from kdref.cli import main

if __name__ == "__main__":
    sys.exit(main())
