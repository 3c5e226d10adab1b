"""Write ``crate_licenses.txt``, which the wheel carries: the licences of all crates of the lock.

    python crate_licenses.py

Of a choice of licences MIT is taken. Crates that only build, or are for other systems, are among
them, as they are in the lock.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

_HERE = Path(__file__).parent
_TEXTS = re.compile(r"(LICEN[CS]E|COPYING)(?!.*apache)", re.IGNORECASE)
_RULE = "=" * 80
#: Stands for crates that state MIT and come without its text.
_MIT = (_HERE.parents[1] / "LICENSE").read_text().partition("Permission is hereby")[1:]


def _texts(crate: dict) -> str:
    folder = Path(crate["manifest_path"]).parent
    files = (file for file in sorted(folder.iterdir()) if _TEXTS.match(file.name))
    texts = [file.read_text().strip() for file in files]
    if not texts and crate["license"] == "MIT":
        texts = [f"Copyright (c) {', '.join(crate['authors'])}\n\n{''.join(_MIT).strip()}"]
    if not texts:
        raise SystemExit(f"{crate['name']} comes without the text of {crate['license']}")
    return "\n\n".join(texts)


def main() -> None:
    """Write the file anew."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    told = subprocess.run(command, cwd=_HERE, check=True, capture_output=True).stdout
    crates = [crate for crate in json.loads(told)["packages"] if crate["source"]]
    parts = [
        f"{_RULE}\n{name} {version}: {crate['license']}\n{_RULE}\n{_texts(crate)}\n"
        for name, version, crate in sorted((c["name"], c["version"], c) for c in crates)
    ]
    (_HERE / "crate_licenses.txt").write_text("\n".join(parts))


if __name__ == "__main__":
    main()
