"""Give all distributions the next version, together: manifests, bounds, locks, images and pages.

Every place is found by its pattern, so a new distribution needs no line here.
"""

from __future__ import annotations

import argparse
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

#: File patterns, and what stands there for the version or for the bounds of its minor.
_OWN_MANIFESTS = ("pyproject.toml", "plugins/*/pyproject.toml", "plugins/local_native/Cargo.toml")
_LOCKS = ("plugins/local_native/crates.lock",)
_IMAGES = ("deploy/**/*.yaml", "deploy/Dockerfile", "docs/*.md")
_EXAMPLES = ("docs/examples/*/pyproject.toml", "docs/plugins.md")


def main() -> int:
    """Change the files below the root; answer an exit code."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("version", help="such as 0.2.0")
    arguments.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    given = arguments.parse_args()
    try:
        new = Version(given.version)
    except InvalidVersion:
        print(f"{given.version!r} is no version; write one such as 0.2.0", file=sys.stderr)
        return 2
    old = Version(tomllib.loads((given.root / "pyproject.toml").read_text())["project"]["version"])
    if new <= old:
        print(f"{new} is not above {old}, the version of now", file=sys.stderr)
        return 2
    changed = sum(_rewritten(path, change) for path, change in _places(given.root, old, new))
    print(f"{old} -> {new} in {changed} files; next: the changelogs, make reference, make dist")
    return 0


def _places(root: Path, old: Version, new: Version) -> Iterator[tuple[Path, Callable[[str], str]]]:
    was, now = re.escape(str(old)), str(new)

    def manifest(text: str) -> str:
        text = re.sub(rf'^version = "{was}"$', f'version = "{now}"', text, flags=re.MULTILINE)
        bounds = rf"(parsekit[a-z0-9-]*(?:\[[a-z,]+\])?)>={old.major}\.{old.minor},<[0-9.]+"
        return re.sub(bounds, rf"\g<1>>={new.major}.{new.minor},<{new.major}.{new.minor + 1}", text)

    def lock(text: str) -> str:
        entry = rf'(name = "parsekit-local-native"\nversion = )"{was}"'
        return re.sub(entry, rf'\g<1>"{now}"', text)

    def image(text: str) -> str:
        text = re.sub(rf"parsekit:{was}\b", f"parsekit:{now}", text)
        return re.sub(rf"newTag: {was}\b", f"newTag: {now}", text)

    def example(text: str) -> str:
        least = rf'"parsekit>={old.major}\.{old.minor}"'
        return re.sub(least, f'"parsekit>={new.major}.{new.minor}"', text)

    changes = ((_OWN_MANIFESTS, manifest), (_LOCKS, lock), (_IMAGES, image), (_EXAMPLES, example))
    for patterns, change in changes:
        for pattern in patterns:
            yield from ((path, change) for path in sorted(root.glob(pattern)))


def _rewritten(path: Path, change: Callable[[str], str]) -> bool:
    text = path.read_text()
    changed = change(text)
    if changed != text:
        path.write_text(changed)
    return changed != text


if __name__ == "__main__":
    sys.exit(main())
