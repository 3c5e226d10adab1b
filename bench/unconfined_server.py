"""The fork server without its sandbox, for `bench.sandbox` to compare with."""

from __future__ import annotations

from unittest import mock

from parsekit.parsers.isolation import fork_server
from parsekit.parsers.isolation.sandbox import Sandbox


def main() -> None:
    """Serve as `parsekit.parsers.isolation.fork_server` does, and give up nothing."""
    nothing = dict.fromkeys(("restrict_system", "restrict_files", "restrict_all"), mock.DEFAULT)
    with mock.patch.multiple(Sandbox, **nothing):
        fork_server.main()


if __name__ == "__main__":
    main()
