"""``python -m parsekit_ballchasing.simulator``."""

import sys

from parsekit_ballchasing.simulator.command import main

sys.exit(main())
