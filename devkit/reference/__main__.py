"""``python -m devkit.reference`` writes the pages of ``docs/reference``."""

from __future__ import annotations

from devkit.reference.pages import FOLDER, written


def main() -> None:
    """Write every page, and remove what is none any more."""
    FOLDER.mkdir(exist_ok=True)
    pages = written()
    for path in FOLDER.glob("*.md"):
        if path.name not in pages:
            path.unlink()
    for name, text in pages.items():
        (FOLDER / name).write_text(text)


if __name__ == "__main__":
    main()
