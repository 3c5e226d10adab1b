"""A plugin's page, called so that whatever it raises is an error with the plugin's name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace

from parsekit.errors import PluginFailed
from parsekit.model import Outcome
from parsekit.providers import Page, PageContent


class GuardedPage:
    """Begins a page by the plugin's hook. Everything here raises `PluginFailed`."""

    def __init__(self, plugin: str, begin: Callable[[], Page]) -> None:
        self._plugin = plugin
        with self._named():
            self._page = begin()

    def add(self, outcome: Outcome) -> None:
        """See `parsekit.Page.add`."""
        with self._named():
            self._page.add(outcome)

    def text(self) -> tuple[str, Iterator[str]]:
        """See `parsekit.Page.text`."""
        with self._named():
            title, parts = self._page.text()
        return title, self._guarded(parts)

    def content(self) -> PageContent:
        """See `parsekit.Page.content`."""
        with self._named():
            content = self._page.content()
        return replace(content, body=self._guarded(content.body))

    def _guarded(self, parts: Iterable[str]) -> Iterator[str]:
        with self._named():
            yield from parts

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except Exception as exc:
            raise PluginFailed(
                f"plugin {self._plugin!r} can't make the page: {type(exc).__name__}: {exc}"
            ) from exc
