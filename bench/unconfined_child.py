"""The child without its sandbox, for `bench.sandbox` to compare with."""

from __future__ import annotations

from unittest import mock

from parsekit.isolation import child


def main() -> None:
    """Serve as `parsekit.isolation.child` does, and give up nothing."""
    with mock.patch.multiple(child, give_up_system=mock.DEFAULT, give_up_files=mock.DEFAULT):
        child.main()


if __name__ == "__main__":
    main()
