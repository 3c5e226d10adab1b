"""A sandbox of the Ballchasing API, for developers without a token and for tests.

Everything it does is from the documented and reported facts of the API; what nobody knows is a
choice, named where it is made. Run ``parsekit-ballchasing-sim --help``, or `Simulator` in a test.
"""

from parsekit_ballchasing.simulator.server import Simulator
from parsekit_ballchasing.simulator.site import SiteOptions

__all__ = ["Simulator", "SiteOptions"]
