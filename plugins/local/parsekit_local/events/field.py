"""The field of standard soccar, uu, from the game's own: its inner faces, seen from the middle."""

from __future__ import annotations

HALF_WIDTH, HALF_LENGTH, HEIGHT = 4096.0, 5120.0, 2044.0
#: Where the plane of a corner cuts |x| + |y|.
CORNER = 8064.0
