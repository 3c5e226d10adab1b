"""Where this user's data are kept."""

from __future__ import annotations

from pathlib import Path

from parsekit.errors import ConfigInvalid


def default_data_dir() -> Path:
    """Where results, analytics and spools are kept unless the configuration says otherwise.

    Raises `ConfigInvalid` for a user without a home, unless the environment names a folder.
    """
    from platformdirs import user_data_path  # noqa: PLC0415  (costs milliseconds, few need it)

    try:
        return user_data_path("parsekit", appauthor=False)
    except RuntimeError:
        text = "there is no folder for data, as this user has no home: set HOME or XDG_DATA_HOME"
        raise ConfigInvalid(text) from None
