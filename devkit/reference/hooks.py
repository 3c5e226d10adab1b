"""Every hook, from `parsekit.hookspecs`."""

from __future__ import annotations

import inspect

from devkit.reference.markdown import fence, prose
from devkit.reference.signature import signature_of
from parsekit import hookspecs


def page() -> str:
    """The page of all hooks, in the order in which a process meets them."""
    overview = prose(hookspecs.__doc__).partition("\n\n")[2]
    parts = [
        "# Hooks",
        "[Write a plugin](../plugins.md) shows them at work; types are in [Python](python.md).",
        overview,
    ]
    for name, hook in vars(hookspecs).items():
        if name.startswith(f"{hookspecs.PROJECT}_") and inspect.isfunction(hook):
            parts += [
                f"## {name}",
                fence("python", signature_of(name, hook)),
                prose(hook.__doc__),
            ]
    return "\n\n".join(parts)
