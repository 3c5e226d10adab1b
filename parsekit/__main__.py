"""``python -m parsekit`` is the command ``parsekit``."""

from parsekit.cli import main

if __name__ == "__main__":
    main()
