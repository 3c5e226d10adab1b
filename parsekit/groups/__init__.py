"""Sums over several games: players, teams and series, with Ballchasing's digits."""
