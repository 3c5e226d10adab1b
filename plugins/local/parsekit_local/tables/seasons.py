"""The first day of every competitive season.

Sources, taken 2026-11-24: dotesports.com "Start and end dates for all Rocket League seasons" and
theglobalgaming.com for 2015 to 2022, seasontimer-live.pages.dev for 2022 to June 2026 (the end of
one season is the start of the next). They differ on the third free season (31 March or 7 April
2021): the game's publisher started it on 7 April. Real bodies agree for 2016, 2024, 2025 and 2026.
Seasons after the 23rd are not in the sources: later matches get 23, which is a lower bound.
"""

from __future__ import annotations

from datetime import date

#: When the game became free and its seasons started again from 1.
FREE_TO_PLAY = date(2020, 9, 23)

#: First days, oldest first; the number of a season is its place, from 1.
PAID_SEASONS = (
    date(2015, 7, 7),  # the release of the game; ranks came on 8 September
    date(2016, 2, 11),
    date(2016, 6, 20),
    date(2017, 3, 22),
    date(2017, 7, 5),
    date(2017, 9, 28),
    date(2018, 2, 7),
    date(2018, 5, 29),
    date(2018, 9, 24),
    date(2019, 2, 18),
    date(2019, 5, 13),
    date(2019, 8, 27),
    date(2019, 12, 4),
    date(2020, 3, 25),
)
FREE_SEASONS = (
    FREE_TO_PLAY,
    date(2020, 12, 9),
    date(2021, 4, 7),
    date(2021, 8, 11),
    date(2021, 11, 17),
    date(2022, 3, 9),
    date(2022, 6, 15),
    date(2022, 9, 7),
    date(2022, 12, 7),
    date(2023, 3, 8),
    date(2023, 6, 7),
    date(2023, 9, 6),
    date(2023, 12, 6),
    date(2024, 3, 6),
    date(2024, 6, 5),
    date(2024, 9, 4),
    date(2024, 12, 4),
    date(2025, 3, 14),
    date(2025, 6, 18),
    date(2025, 9, 17),
    date(2025, 12, 10),
    date(2026, 3, 11),
    date(2026, 6, 10),
)
