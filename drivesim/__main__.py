"""``python -m drivesim`` is the command line."""

import sys

from drivesim.cli import main

sys.exit(main())
