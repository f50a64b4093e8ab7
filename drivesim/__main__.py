"""``python -m drivesim`` is the command line."""

import sys

from drivesim.cli import main

if __name__ == "__main__":
    sys.exit(main())
