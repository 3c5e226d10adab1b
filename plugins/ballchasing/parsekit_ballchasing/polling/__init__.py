"""When to look whether a replay is ready.

`PollSchedule` decides, from how long the replay has waited, what recent replays took
(`ReadyTimes`) and how busy the API is (`parsekit_ballchasing.rate_limit.Load`). `Polls` gives it
these facts and keeps what was learned.
"""

from parsekit_ballchasing.polling.polls import Polls
from parsekit_ballchasing.polling.ready_times import ReadyTimes
from parsekit_ballchasing.polling.schedule import PollSchedule

__all__ = ["PollSchedule", "Polls", "ReadyTimes"]
