"""parsekit with a fault of its own: the pipeline raises for a replay that is named after it."""

from __future__ import annotations

from typing import Any

from parsekit.cli import main
from parsekit.pipeline.pipeline import Pipeline

whole = Pipeline.run


def run(self: Pipeline, request: Any, *rest: Any, **more: Any) -> Any:
    if "fault" in request.replay:
        raise ZeroDivisionError("a fault of ours")
    return whole(self, request, *rest, **more)


if __name__ == "__main__":
    Pipeline.run = run  # type: ignore[method-assign]
    main()
