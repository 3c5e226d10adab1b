"""PEM files that can't be used are named, with their key, before anybody connects with them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from parsekit import check_tls_files
from parsekit.errors import ConfigInvalid


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two certificates with their keys, one key of them encrypted, and what is neither."""
    folder = tmp_path_factory.mktemp("certificates")
    for name in ("ours", "other"):
        openssl(folder, f"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN={name} "
                        f"-keyout {name}.key -out {name}.pem")  # fmt: skip
    openssl(folder, "pkcs8 -topk8 -in ours.key -passout pass:x -out encrypted.key")
    (folder / "both.pem").write_text((folder / "ours.pem").read_text()
                                     + (folder / "ours.key").read_text())  # fmt: skip
    (folder / "junk.pem").write_text("hello")
    (folder / "a folder").mkdir()
    return folder


def openssl(folder: Path, arguments: str) -> None:
    subprocess.run(["openssl", *arguments.split()], cwd=folder, check=True, capture_output=True)


def check(folder: Path, **names: str) -> None:
    files = {key: folder / names[key] if key in names else None
             for key in ("ca_file", "certificate_file", "key_file")}  # fmt: skip
    check_tls_files("transport", **files)


@pytest.mark.parametrize(
    "names",
    [
        {},
        {"ca_file": "ours.pem"},
        {"certificate_file": "ours.pem", "key_file": "ours.key"},
        {"ca_file": "other.pem", "certificate_file": "both.pem"},
    ],
)
def test_good_files_are_let_pass(folder: Path, names: dict[str, str]) -> None:
    check(folder, **names)


OURS = {"certificate_file": "ours.pem"}


@pytest.mark.parametrize(
    ("names", "blamed", "words"),
    [
        ({"ca_file": "absent.pem"}, "ca_file", "no such file or directory; name a PEM file"),
        ({"ca_file": "a folder"}, "ca_file", "is a directory; name a PEM file"),
        ({"ca_file": "\0"}, "ca_file", "null byte; name a PEM file"),
        ({"ca_file": "junk.pem"}, "ca_file", "holds no certificate that can be read"),
        ({"ca_file": "ours.key"}, "ca_file", "holds no certificate that can be read"),
        ({"certificate_file": "absent.pem"}, "certificate_file", "no such file or directory"),
        ({"certificate_file": "junk.pem"}, "certificate_file", "holds no certificate"),
        (OURS, "certificate_file", "holds no key that can be used"),
        ({**OURS, "key_file": "absent.key"}, "key_file", "no such file or directory"),
        ({**OURS, "key_file": "junk.pem"}, "key_file", "holds no key that can be used"),
        ({**OURS, "key_file": "other.key"}, "key_file", "(key values mismatch); name the PEM file"),
        ({**OURS, "key_file": "encrypted.key"}, "key_file", "is encrypted, and nobody is there"),
    ],
)
def test_a_bad_file_is_named_with_its_key_and_what_to_do(
    folder: Path, names: dict[str, str], blamed: str, words: str
) -> None:
    with pytest.raises(ConfigInvalid) as caught:
        check(folder, **names)
    said = caught.value.message
    assert said.startswith(f"transport.{blamed}: ")
    assert repr(str(folder / names[blamed])).strip("'") in said
    assert words in said
