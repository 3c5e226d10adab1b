"""docs/reference says what the code says."""

from __future__ import annotations

from devkit.reference.pages import stale


def test_every_page_of_the_reference_is_what_the_code_says() -> None:
    assert stale() == [], "run `make reference`, look at what it changed, and commit that"
