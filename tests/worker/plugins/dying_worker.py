"""parsekit whose first worker is killed right after it has published a result, before noting it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from parsekit.cli import main
from parsekit.worker.task import ParseReplay


def after_return(self: ParseReplay, *_: object) -> None:
    (Path(os.environ["FAKE_REMOTE"]) / "died").touch()
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    ParseReplay.after_return = after_return  # type: ignore[method-assign]
    main()
