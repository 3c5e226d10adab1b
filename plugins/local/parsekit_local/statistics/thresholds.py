"""Borders between the states of a car, as they were read off published statistics."""

from __future__ import annotations

#: Speeds in uu/s; the bounds found are 1409.997 to 1410.001 and 2199.98 to 2200.1.
BOOST_SPEED = 1410.0
SUPERSONIC_SPEED = 2200.0

#: Heights of a car's centre, in uu. A body that rests higher never is on the ground.
GROUND_Z = 20.0
LOW_AIR_Z = 840.0

#: Where the thirds of the field begin, |y| in uu; the bounds found are 1714.0 to 1714.02.
THIRD_Y = 1714.0
