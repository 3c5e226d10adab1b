"""Find plugins by entry point and load each alone, under a time limit.

pluggy's own loader stops at the first import error and passes over a second plugin of the same
name without a word; here every entry point ends as a plugin or as a named error.
"""

from __future__ import annotations

import inspect
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from parsekit.hookspecs import HOOK_VERSION, PROJECT
from parsekit.host.plugin_info import install_hint

#: Comma-separated names: only these plugins are loaded, none when it is empty.
ENV_PLUGINS = "PARSEKIT_PLUGINS"
#: Longest import or registration of one plugin, seconds; native libraries take one or two.
LOAD_SECONDS = 10.0


class PluginFault(Exception):
    """Why a plugin can't be used, in words for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One entry point: a plugin object, or why there is none."""

    name: str
    distribution: str
    version: str
    plugin: object | None = None
    error: str | None = None
    import_ms: float = 0.0


def discover(environ: Mapping[str, str], load_seconds: float = LOAD_SECONDS) -> Iterator[Found]:
    """Load every plugin that ``environ`` admits, in the order of their names."""
    wanted = _wanted(environ)
    seen: dict[str, Found] = {}
    for point in _points():
        if wanted is not None and point.name not in wanted:
            continue
        found = load(point, load_seconds, first=seen.get(point.name))
        seen.setdefault(point.name, found)
        yield found
    for name in sorted((wanted or set()) - seen.keys()):
        error = f"no such plugin is installed, but {ENV_PLUGINS} asks for it" + install_hint(name)
        yield Found(name=name, distribution="", version="", error=error)


def within(seconds: float, work: Callable[[], Any]) -> Any:
    """Do ``work`` in a thread; raise what it raises, or `PluginFault` when it takes too long.

    A thread that hangs is left behind: nothing can end it, and the process goes on without it.
    """
    box: list[Any] = []

    def run() -> None:
        try:
            box.append((True, work()))
        except BaseException as exc:  # noqa: BLE001  (handed to the caller, whatever it is)
            box.append((False, exc))

    thread = threading.Thread(target=run, daemon=True, name="parsekit-plugin-load")
    thread.start()
    thread.join(seconds)
    if not box:
        raise PluginFault(f"did not finish within {seconds:g} s")
    done, value = box[0]
    if done:
        return value
    raise value


def reason_of(error: BaseException) -> str:
    """One line for an exception of a plugin."""
    if isinstance(error, PluginFault):
        return str(error)
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _wanted(environ: Mapping[str, str]) -> set[str] | None:
    text = environ.get(ENV_PLUGINS)
    if text is None:
        return None
    return {name.strip() for name in text.split(",") if name.strip()}


def _points() -> Iterable[EntryPoint]:
    """Entry points by name and distribution; one that is on the path twice counts once."""
    unique = {(p.name, _dist(p)[0], p.value): p for p in entry_points(group=PROJECT)}
    return [unique[key] for key in sorted(unique)]


def _dist(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("unknown", "")


def load(
    point: EntryPoint,
    seconds: float = LOAD_SECONDS,
    *,
    distribution: tuple[str, str] | None = None,
    first: Found | None = None,
) -> Found:
    """Load one entry point, or say why not; ``first`` has the same name and came before."""
    dist_name, dist_version = distribution or _dist(point)
    began = time.perf_counter()
    plugin, error = None, None
    try:
        if first is not None:
            raise PluginFault(f"the name is taken by {first.distribution}; uninstall one of them")
        plugin = within(seconds, lambda: _plugin(point))
    except (KeyboardInterrupt, SystemExit) as exc:
        error = f"{reason_of(exc)} during import"
    except BaseException as exc:  # noqa: BLE001  (a panic of native code is no Exception)
        error = reason_of(exc)
    import_ms = (time.perf_counter() - began) * 1000
    return Found(
        name=point.name,
        distribution=dist_name,
        version=dist_version,
        plugin=plugin,
        error=error,
        import_ms=import_ms,
    )


def _plugin(point: EntryPoint) -> object:
    plugin = point.load()
    version = getattr(plugin, "parsekit_hook_version", HOOK_VERSION)
    if version != HOOK_VERSION:
        raise PluginFault(
            f"is made for hook version {version!r}, this parsekit has {HOOK_VERSION}; "
            "install a matching release"
        )
    return plugin() if inspect.isclass(plugin) else plugin
