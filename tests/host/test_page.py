"""A plugin's page: its faults carry its name, and no plugin at all is said in words."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from parsekit import Outcome, PageContent, hookimpl
from parsekit.errors import ConfigInvalid, PluginFailed
from parsekit.host.host import Host

OUTCOME = Outcome(replay="a.replay", task_id="1")


class Broken:
    def add(self, outcome: Outcome) -> None:
        raise KeyError(outcome.replay)

    def text(self) -> tuple[str, Iterator[str]]:
        def parts() -> Iterator[str]:
            yield "<html>"
            raise RuntimeError("no ink")

        return "title", parts()

    def content(self) -> PageContent:
        _, body = self.text()
        return PageContent(title="title", style="", script="", body=body)


def begin_broken() -> Broken:
    return Broken()


def host_with(begin: object) -> Host:
    host = Host()
    host.register(SimpleNamespace(parsekit_page=hookimpl(begin)), "ink")
    return host


def test_what_a_page_raises_names_the_plugin() -> None:
    page = host_with(begin_broken).page_maker()()
    with pytest.raises(PluginFailed, match="plugin 'ink' can't make the page: KeyError"):
        page.add(OUTCOME)
    title, parts = page.text()
    assert title == "title"
    with pytest.raises(PluginFailed, match=r"plugin 'ink' can't make the page: .* no ink"):
        list(parts)
    with pytest.raises(PluginFailed, match=r"plugin 'ink' can't make the page: .* no ink"):
        list(page.content().body)


def test_a_page_that_cannot_be_begun_names_the_plugin() -> None:
    def begin() -> Broken:
        raise ImportError("no jinja2")

    with pytest.raises(PluginFailed, match=r"plugin 'ink' .* no jinja2"):
        host_with(begin).page_maker()()


def test_without_a_plugin_that_writes_pages_it_is_said_what_brings_one() -> None:
    with pytest.raises(ConfigInvalid, match="pip install parsekit-report"):
        Host().page_maker()
