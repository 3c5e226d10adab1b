"""A real PostgreSQL on a loopback port: Debian's, installed or as unpacked.

It refuses to run as root, so root gives it to ``nobody``, in a folder that nobody may enter.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devkit.missing import missing
from devkit.servers.process import ServerProcess, free_port

#: ``scripts/postgresql.py`` puts it here.
UNPACKED = Path(__file__).parents[2] / ".cache" / "postgresql"
#: Of a server whose data are worth nothing.
_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=200")
_USER = "postgres"


@dataclass(frozen=True, slots=True)
class PostgresqlPrograms:
    """The folder of its programs, and what their environment needs."""

    folder: Path
    environ: Mapping[str, str]


def find_postgresql(unpacked: Path = UNPACKED) -> PostgresqlPrograms | None:
    """The newest server that is installed or was unpacked, None when there is none."""
    for root in (Path("/"), unpacked):
        found = sorted(root.glob("usr/lib/postgresql/*/bin/postgres"))
        if found:
            libraries = [] if root == Path("/") else [*root.glob("usr/lib/*-linux-gnu")]
            path = ":".join(map(str, libraries))
            environ = {**os.environ, "LC_ALL": "C.UTF-8", "LD_LIBRARY_PATH": path}
            return PostgresqlPrograms(found[-1].parent, environ)
    return None


class PostgresqlServer(ServerProcess):
    """One server with an empty database, whose user needs no password."""

    def __init__(self, folder: Path, programs: PostgresqlPrograms) -> None:
        self.port = free_port()
        self._data = folder / "data"
        self._programs = programs
        options = [option for each in _SETTINGS for option in ("-c", each)]
        command = [
            *(*_as_nobody(), str(programs.folder / "postgres"), "-D", str(self._data)),
            *("-h", "127.0.0.1", "-p", str(self.port), "-k", "", *options),
        ]
        ready = lambda: self._asked("select 1")  # noqa: E731  (one question)
        super().__init__(command, folder=folder, ready=ready, environ=programs.environ)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"postgresql://{_USER}@127.0.0.1:{self.port}/postgres"

    def make_data(self) -> None:
        """Make the folder of its data."""
        command = [
            *(*_as_nobody(), str(self._programs.folder / "initdb"), "-D", str(self._data)),
            *("-U", _USER, "-A", "trust", "-E", "UTF8", "--no-sync"),
        ]
        environ = dict(self._programs.environ)
        subprocess.run(command, env=environ, cwd="/", check=True, capture_output=True)

    def schema(self, name: str) -> str:
        """Make a schema that nobody has; the address of clients that see it alone."""
        if not self._asked(f"create schema {name}"):
            raise RuntimeError(f"{name} can't be made")
        return f"{self.url}?options=-csearch_path%3D{name}"

    def _asked(self, statement: str) -> bool:
        import psycopg  # noqa: PLC0415  (most test runs need none)

        try:
            with psycopg.connect(self.url, connect_timeout=5, autocommit=True) as connection:
                connection.execute(statement.encode())
        except psycopg.OperationalError:
            return False
        return True


def _as_nobody() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups"]


@contextmanager
def postgresql() -> Iterator[PostgresqlServer]:
    """Run a server for the length of the block; where there is none, skip the test or fail."""
    programs = find_postgresql()
    if programs is None:
        missing("there is no PostgreSQL: run scripts/postgresql.py")
    folder = Path(tempfile.mkdtemp(prefix="parsekit-postgresql-"))
    try:
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            if programs.folder.is_relative_to(UNPACKED):  # maybe below a home that is root's alone
                copy = shutil.copytree(UNPACKED, folder / "programs", symlinks=True)
                programs = find_postgresql(copy) or programs
        server = PostgresqlServer(folder, programs)
        server.make_data()
        server.start()
        try:
            yield server
        finally:
            server.kill()
    finally:
        shutil.rmtree(folder)
