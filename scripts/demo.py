"""Run the real commands on a replay: the one that is named, else one that we invent.

Nothing is left behind but the page of the match: results and settings of this run live in a
temporary folder.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from parsekit.testing.replays.file import believable_match, write_replay

#: Fifteen frames a second of a match of five minutes: smooth, and written in under a second.
_FRAMES = 4500
#: Where the page is written.
PAGE = Path("build") / "demo.html"
_ABOUT = """\
No replay was named, so this one is SYNTHETIC: an invented match of invented players, written a
moment ago by parsekit's own encoder. For yours: make demo REPLAY=path/to/your.replay
"""


def main(arguments: Sequence[str]) -> int:
    """Parse one replay and write its page; answer the exit code of the first that fails."""
    PAGE.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="parsekit-demo-") as folder:
        replay = arguments[0] if arguments else str(_invent(Path(folder)))
        world = _own_world(Path(folder))
        return _run("parse", "--", replay, world=world) or _report(replay, world)


def _report(replay: str, world: Mapping[str, str]) -> int:
    print("\nWhat happened, on one page; open it in a browser:", flush=True)
    return _run("report", "--output", str(PAGE), "--", replay, world=world)


def _run(*arguments: str, world: Mapping[str, str]) -> int:
    # Ctrl-C reaches the command as well; we wait until it has tidied up
    signal.signal(signal.SIGINT, lambda *_: None)
    command = [sys.executable, "-m", "parsekit", *arguments]
    code = subprocess.run(command, env=world, check=False).returncode
    return code if code >= 0 else 128 - code


def _invent(folder: Path) -> Path:
    print(_ABOUT, flush=True)
    return write_replay(folder / "synthetic.replay", believable_match(), frames=_FRAMES)


def _own_world(folder: Path) -> Mapping[str, str]:
    """The environment without the user's parsekit settings, and with a data folder of its own."""
    settings = folder / "parsekit" / "parsekit.json"
    settings.parent.mkdir()
    settings.write_text("{}")
    kept = {name: value for name, value in os.environ.items() if not _ours(name)}
    return kept | {
        "XDG_CONFIG_HOME": str(folder),
        "PARSEKIT__FOLDER__PATH": str(folder / "results"),
        "XDG_DATA_HOME": str(folder / "data"),
    }


def _ours(name: str) -> bool:
    return name.upper().startswith("PARSEKIT_")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
