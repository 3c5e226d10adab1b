"""A pseudo-terminal with ``parsekit`` in it, and somebody who presses Ctrl-C."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass

from parsekit.testing.command_line import PARSEKIT, CommandLine

#: Shows the cursor again.
SHOW_CURSOR = "\x1b[?25h"
#: What moves and colours.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


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
        """Answer the return code and all that was shown; Ctrl-C once each text has appeared."""
        ours, theirs = os.openpty()
        process = subprocess.Popen(
            [*PARSEKIT, *arguments],
            cwd=self.cli.folder,
            env=self.cli.environ(TERM="xterm-256color", COLUMNS="100", **(environ or {})),
            stdin=theirs,
            stdout=theirs if stdout is None else stdout,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        shown = self._watch(ours, process, list(press_ctrl_c_at))
        os.close(ours)
        return process.wait(30), shown

    def _watch(self, ours: int, process: subprocess.Popen[bytes], presses: list[str]) -> str:
        shown = b""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if presses and presses[0] in shown.decode(errors="replace"):
                presses.pop(0)
                process.send_signal(signal.SIGINT)
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
