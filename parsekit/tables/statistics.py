"""A player's statistics as columns: Ballchasing's names, all groups but `core` before the name."""

from __future__ import annotations

from parsekit.tables.schema import Column, Kind

#: Said of a player's name in each group: name, unit and meaning. A unit of "" is a count.
_CORE = """
score           |points|points of the scoreboard
goals           ||goals
assists         ||assists
saves           ||saves
shots           ||shots on goal, as the game counts them
shots_against   ||shots of the other team
goals_against   ||goals of the other team
"""
_BOOST = """
bpm                         |percent/min|boost used a minute
bcpm                        |percent/min|boost collected a minute
avg_amount                  |percent|mean of the reported levels
amount_collected            |percent|boost collected; 100 is a full tank
amount_stolen               |percent|of it from pads in the opponents' half
amount_collected_big        |percent|collected from big pads
amount_stolen_big           |percent|of it in the opponents' half
amount_collected_small      |percent|collected from small pads
amount_stolen_small         |percent|of it in the opponents' half
count_collected_big         ||big pads taken
count_stolen_big            ||of them in the opponents' half
count_collected_small       ||small pads taken
count_stolen_small          ||of them in the opponents' half
amount_overfill             |percent|what pads gave beyond a full tank
amount_overfill_stolen      |percent|of it in the opponents' half
amount_used_while_supersonic|percent|used on the ground at 2200 uu/s or more
time_zero_boost             |s|time without boost
percent_zero_boost          |percent|the same, of the time in the match
time_full_boost             |s|time with a full tank
percent_full_boost          |percent|the same, of the time in the match
time_boost_0_25             |s|time with 0 to 25 percent
time_boost_25_50            |s|time with 25 to 50 percent
time_boost_50_75            |s|time with 50 to 75 percent
time_boost_75_100           |s|time with 75 to 100 percent
percent_boost_0_25          |percent|the same, of the four together
percent_boost_25_50         |percent|the same, of the four together
percent_boost_50_75         |percent|the same, of the four together
percent_boost_75_100        |percent|the same, of the four together
"""
_MOVEMENT = """
avg_speed              |uu/s|mean of the reported speeds
total_distance         |uu|way driven and flown
time_supersonic_speed  |s|time at 2200 uu/s or more
time_boost_speed       |s|time at 1410 to 2200 uu/s
time_slow_speed        |s|time below 1410 uu/s
time_ground            |s|time with the car's centre at 20 uu or lower
time_low_air           |s|time between 20 and 840 uu
time_high_air          |s|time above 840 uu
time_powerslide        |s|time with the handbrake on the ground
count_powerslide       ||powerslides
avg_powerslide_duration|s|time of one powerslide
avg_speed_percentage   |percent|mean speed, of 2300 uu/s
percent_slow_speed     |percent|share of the three times of speed
percent_boost_speed    |percent|share of the three times of speed
percent_supersonic_speed|percent|share of the three times of speed
percent_ground         |percent|share of the three times of height
percent_low_air        |percent|share of the three times of height
percent_high_air       |percent|share of the three times of height
"""
_POSITIONING = """
avg_distance_to_ball              |uu|mean distance to the ball
avg_distance_to_ball_possession   |uu|the same while the own team touched it last
avg_distance_to_ball_no_possession|uu|the same while the other team did
avg_distance_to_mates             |uu|mean distance to team mates
time_defensive_third              |s|time behind 1714 uu in the own half
time_neutral_third                |s|time in the middle third
time_offensive_third              |s|time behind 1714 uu in the opponents' half
time_defensive_half               |s|time in the own half
time_offensive_half               |s|time in the opponents' half
time_behind_ball                  |s|time nearer to the own goal line than the ball
time_infront_ball                 |s|time farther from it than the ball
time_most_back                    |s|time as the last of the team
time_most_forward                 |s|time as the first of the team
time_closest_to_ball              |s|time as the nearest of the team to the ball
time_farthest_from_ball           |s|time as the farthest of the team from the ball
percent_defensive_third           |percent|share of the times of thirds
percent_offensive_third           |percent|share of the times of thirds
percent_neutral_third             |percent|share of the times of thirds
percent_defensive_half            |percent|share of the times of halves
percent_offensive_half            |percent|share of the times of halves
percent_behind_ball               |percent|share of behind and in front
percent_infront_ball              |percent|share of behind and in front
percent_most_back                 |percent|of the time in the match
percent_most_forward              |percent|of the time in the match
percent_closest_to_ball           |percent|of the time in the match
percent_farthest_from_ball        |percent|of the time in the match
goals_against_while_last_defender ||goals conceded as the last of the team
"""
_DEMO = """
inflicted||opponents demolished
taken    ||times demolished
"""


def _kind(group: str, name: str) -> Kind:
    whole = group in ("core", "demo") or name.startswith(("count_", "goals_"))
    return "integer" if whole else "number"


def _columns(group: str, lines: str) -> list[tuple[Column, str, str]]:
    found = []
    for line in lines.strip().splitlines():
        name, unit, meaning = (part.strip() for part in line.split("|"))
        column = name if group == "core" else f"{group}_{name}"
        found.append((Column(column, _kind(group, name), meaning, unit), group, name))
    return found


_SHOOTING = Column(
    "shooting_percentage", "number", "100 * goals / shots, 0 without shots", "percent"
)
#: Column, group and name of each statistic of a player.
STATISTICS: tuple[tuple[Column, str, str], ...] = (
    *_columns("core", _CORE),
    (_SHOOTING, "core", "shooting_percentage"),
    *_columns("boost", _BOOST),
    *_columns("movement", _MOVEMENT),
    *_columns("positioning", _POSITIONING),
    *_columns("demo", _DEMO),
)
#: The game's own counts of a player, in builds that have them: name and meaning.
_COUNTERS = """
demolishes      |opponents demolished
times_demolished|times demolished
epic_saves      |epic saves
clears          |clears
centers         |centers
aerial_hits     |touches in the air
first_touches   |first touches of a kick-off
crossbar_hits   |hits of the crossbar
bicycle_hits    |bicycle hits
juggle_hits     |juggles
flip_resets     |flip resets
high_fives      |high fives
low_fives       |low fives
pool_shots      |pool shots
ball_touches    |touches of the ball
car_touches     |touches of cars
boost_pickups   |boost pads taken
"""


def _counters() -> list[tuple[Column, str]]:
    found = []
    for line in _COUNTERS.strip().splitlines():
        name, meaning = (part.strip() for part in line.split("|"))
        text = f"{meaning}, as the game itself counted; empty where it did not say"
        found.append((Column(f"counter_{name}", "integer", text), name))
    return found


#: Column and name of each.
COUNTERS = tuple(_counters())
