"""Offline Rocket League replay parser for parsekit, in the shape of Ballchasing's body."""
