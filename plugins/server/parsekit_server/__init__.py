"""A server for replays that speaks Ballchasing's API; not affiliated with Ballchasing."""
