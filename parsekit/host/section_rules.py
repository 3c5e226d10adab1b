"""What a plugin's section of the configuration has to bear: that nobody writes it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from parsekit.config.problems import problems_of
from parsekit.host.discovery import PluginFault

if TYPE_CHECKING:
    from pydantic import BaseModel


def refuse_without_defaults(name: str, model: type[BaseModel]) -> None:
    """Raise `PluginFault` for a section that can't be left out.

    It would be a mistake in the configuration of everybody who does not use the plugin.
    """
    try:
        model.model_validate({})
    except ValidationError as exc:
        problems = problems_of(exc, "")
        if all(error["type"] == "missing" for error in exc.errors()):
            keys = ", ".join(problem.key for problem in problems)
            raise PluginFault(f"every key of section {name!r} needs a default: {keys}") from exc
        listed = "; ".join(map(str, problems))
        raise PluginFault(f"section {name!r} must be valid when it is left out: {listed}") from exc
