"""The numbers that the plugin offers for ``/metrics``."""

from __future__ import annotations

from parsekit_ballchasing import plugin


def numbers() -> dict[tuple[str, ...], float]:
    return {(m.name, *m.labels.values()): m.value for m in plugin.parsekit_metrics()}


def test_tell_what_is_left_of_the_budget(make_parser) -> None:
    parser = make_parser()
    left = numbers()["parsekit_ballchasing_uploads_left", "7d"]
    used = numbers()["parsekit_ballchasing_uploads_used", "7d"]
    parser.budget.calls.acquire("upload", waiter="task", reservation="a" * 64)
    assert numbers()["parsekit_ballchasing_uploads_left", "7d"] == left - 1
    assert numbers()["parsekit_ballchasing_uploads_used", "7d"] == used + 1


def test_tell_that_a_refused_token_stops_everybody(make_parser) -> None:
    parser = make_parser()
    name = "parsekit_ballchasing_breaker_open"
    assert numbers()[name, "unauthorized"] == 0
    parser.budget.calls._breaker.unauthorized()
    assert numbers()[name, "unauthorized"] == 1
    assert numbers()[name, "remote_unavailable"] == 0
