"""The container of a replay file: what can be said of it before any parser looks inside."""

from parsekit.replay.crc import ReplayCrc, replay_crc
from parsekit.replay.envelope import Envelope, check_envelope

__all__ = ["Envelope", "ReplayCrc", "check_envelope", "replay_crc"]
