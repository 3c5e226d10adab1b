"""A pseudo-terminal with ``parsekit`` in it, and somebody who presses Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import re
import runpy
import select
import sys
import termios
import time
from collections.abc import Mapping
from dataclasses import dataclass

from devkit.command_line import CommandLine
from devkit.warm_start import popen

#: Shows the cursor again.
SHOW_CURSOR = "\x1b[?25h"
#: What moves and colours.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


_CTRL_C = b"\x03"


@dataclass
class Terminal:
    """Runs commands on a terminal; standard output may be piped elsewhere."""

    cli: CommandLine

    def run(
        self,
        *arguments: str,
        press_ctrl_c_at: tuple[str, ...] = (),
        stdout: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> tuple[int, str]:
        """The return code and all that was shown; Ctrl-C once each text has appeared."""
        ours, theirs = os.openpty()
        process = popen(
            [sys.executable, "-m", "devkit.terminal", "parsekit", *arguments],
            cwd=self.cli.folder,
            env=self.cli.environ(TERM="xterm-256color", COLUMNS="100", **(environ or {})),
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = self._watch(ours, list(press_ctrl_c_at))
        os.close(ours)
        return process.wait(30), shown

    def _watch(self, ours: int, presses: list[str]) -> str:
        shown = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if presses and presses[0] in shown.decode(errors="replace"):
                presses.pop(0)
                os.write(ours, _CTRL_C)
            if not select.select([ours], [], [], 0.05)[0]:
                continue
            try:
                part = os.read(ours, 65536)
            except OSError:  # how Linux tells that the other side is closed
                break
            if not part:
                break
            shown += part
        return shown.decode(errors="replace")


def main() -> None:
    """Run the module that is named with its arguments, where Ctrl-C is a key of standard input."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
