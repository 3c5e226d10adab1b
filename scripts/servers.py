"""Make sure that the tests find a RabbitMQ server: installed where we may, else unpacked.

The other servers of the tests (Valkey, SeaweedFS) come from PyPI. A second run does nothing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from debian import Refused, packages, run

from devkit.servers.rabbitmq_node import UNPACKED, Installation, find_installation

_PACKAGE = "rabbitmq-server"
#: Debian starts a service when its package comes; a test server must not become one.
INSTALL = """
set -e
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\\nexit 101\\n' > $policy
    chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 rabbitmq-server
if [ -d /run/systemd/system ]; then systemctl disable rabbitmq-server; fi
"""


def install() -> None:
    """Install Debian's package for everybody. Raises `Refused` without the right to."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if shutil.which("apt-get") is None:
        raise Refused("there is no apt-get")
    if sudo and (shutil.which("sudo") is None or _status([*sudo, "true"]) != 0):
        raise Refused("neither root nor sudo without a password")
    run([*sudo, "sh", "-c", INSTALL])


def unpack(target: Path) -> None:
    """Unpack the server and Erlang below ``target``, without root and without installing.

    Raises `Refused` when the packages can't be had.
    """
    with packages(target) as taken:
        needed = taken.needed_by(_PACKAGE)
        taken.unpack(_PACKAGE, *(name for name in needed if name.startswith("erlang-")))
        _make_movable(taken.root / "usr/lib")
        shutil.rmtree(target, ignore_errors=True)
        taken.root.rename(target)


def _make_movable(libraries: Path) -> None:
    """Let the start scripts work below any folder: Debian's know theirs, and it has no space."""
    erl = libraries / "erlang/bin/erl"
    text = erl.read_text().replace("ROOTDIR=/usr/lib/erlang", 'ROOTDIR="$ERL_ROOTDIR"')
    erl.write_text(text)
    for script in libraries.glob("rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-env"):
        text = script.read_text()
        for word in ("$SCRIPT_PATH", "${RABBITMQ_SCRIPTS_DIR}/rabbitmq-defaults"):
            text = text.replace(f" {word}", f' "{word}"')
        script.write_text(text)


def _status(command: Sequence[str]) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


def provide(target: Path, *, without_root: bool) -> list[str]:
    """Get a server, one way or the other; answer what went wrong where none worked."""
    ways: list[Callable[[], None]] = [partial(unpack, target)]
    reasons = []
    for way in ways if without_root else [install, *ways]:
        try:
            way()
        except Refused as exc:
            reasons.append(str(exc))
            continue
        if find_installation(target):
            return []
        reasons.append("the packages hold no server where Debian has it")
    return reasons


def main(arguments: Sequence[str] | None = None) -> int:
    """Return an exit code: 0 when there is a server."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without-root", action="store_true", help="unpack, never install")
    parser.add_argument("--target", type=Path, default=UNPACKED, help="folder to unpack into")
    chosen = parser.parse_args(arguments)
    target = chosen.target.resolve()
    there = Installation(target).complete if chosen.without_root else find_installation(target)
    if there:
        return 0
    print("getting RabbitMQ for the tests", file=sys.stderr)
    reasons = provide(target, without_root=chosen.without_root)
    if reasons:
        print("there is no RabbitMQ for the tests, and getting it failed:", file=sys.stderr)
        print(*(f"  {reason}" for reason in reasons), sep="\n", file=sys.stderr)
        print("install the package rabbitmq-server, then run again", file=sys.stderr)
    return 1 if reasons else 0


if __name__ == "__main__":
    sys.exit(main())
