"""TLS with an authority of one's own, as in-house stores have it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devkit.servers.proxy import FaultProxy, fault_proxy
from devkit.servers.seaweedfs import Certificate, SeaweedServer, seaweedfs
from parsekit.errors import ConfigInvalid

from .conftest import MakeStorage


@dataclass(frozen=True)
class Authority:
    """An authority of one's own, and what it signed for the store."""

    ca_file: Path
    signed: Certificate


def _openssl(folder: Path, *options: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        pytest.fail("no openssl to make a certificate with: apt-get install openssl")
    subprocess.run([program, *options], cwd=folder, check=True, capture_output=True)


def _authority(folder: Path, name: str) -> Path:
    """A certificate that may sign others."""
    _openssl(
        folder,
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}"),
        *("-addext", "basicConstraints=critical,CA:TRUE"),
        *("-addext", "keyUsage=critical,keyCertSign,cRLSign"),
        *("-keyout", f"{name}.key", "-out", f"{name}.pem"),
    )
    return folder / f"{name}.pem"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """It signed a certificate for 127.0.0.1 alone, which may sign nothing itself."""
    folder = tmp_path_factory.mktemp("tls")
    ca_file = _authority(folder, "ours")
    (folder / "leaf.ext").write_text(
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=critical,CA:FALSE\n"
        "keyUsage=critical,digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n"
    )
    _openssl(
        folder,
        *("req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=store"),
        *("-keyout", "leaf.key", "-out", "leaf.csr"),
    )
    _openssl(
        folder,
        *("x509", "-req", "-in", "leaf.csr", "-CA", "ours.pem", "-CAkey", "ours.key"),
        *("-CAcreateserial", "-days", "2", "-extfile", "leaf.ext", "-out", "leaf.pem"),
    )
    signed = Certificate(cert_file=folder / "leaf.pem", key_file=folder / "leaf.key")
    return Authority(ca_file=ca_file, signed=signed)


@pytest.fixture(scope="module")
def server(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeaweedServer]:
    folder = tmp_path_factory.mktemp("seaweedfs")
    with seaweedfs(folder, certificate=authority.signed) as server:
        yield server


@pytest.fixture
def proxy(server: SeaweedServer) -> Iterator[FaultProxy]:
    assert server.tls_port is not None
    with fault_proxy(server.tls_port) as proxy:
        yield proxy


def test_what_a_named_authority_signed_is_trusted(
    make_storage: MakeStorage, authority: Authority
) -> None:
    storage = make_storage(secure=True, ca_file=authority.ca_file)
    assert storage.write("parsed/a", b"x")
    assert storage.read("parsed/a") == b"x"
    storage.delete("parsed/a")


def test_the_file_of_the_authority_is_needed_no_more_once_it_was_read(
    make_storage: MakeStorage, authority: Authority, tmp_path: Path
) -> None:
    """Time-outs grow with the size of a body, and obstore makes a client for each."""
    ca_file = Path(shutil.copy(authority.ca_file, tmp_path))
    storage = make_storage(secure=True, ca_file=ca_file)
    assert storage.read("parsed/a") is None
    ca_file.unlink()
    assert storage.write("parsed/a", bytes(3 * 2**20), replace=False)
    assert storage.head("parsed/a").size_bytes == 3 * 2**20
    storage.delete("parsed/a")
    assert storage.read("parsed/a") is None


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"no certificate",
        b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    ],
)
def test_a_file_without_an_authority_is_a_mistake_of_the_settings(
    make_storage: MakeStorage, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "ca.pem").write_bytes(content)
    with pytest.raises(ConfigInvalid, match=r"minio\.ca_file: .*ca\.pem"):
        make_storage(secure=True, ca_file=tmp_path / "ca.pem")


def test_an_authority_that_is_not_named_is_refused_by_name(make_storage: MakeStorage) -> None:
    with pytest.raises(ConfigInvalid, match=r"minio\.ca_file"):
        make_storage(secure=True).read("parsed/a")


def test_another_authority_is_refused(make_storage: MakeStorage, tmp_path: Path) -> None:
    storage = make_storage(secure=True, ca_file=_authority(tmp_path, "theirs"))
    with pytest.raises(ConfigInvalid, match=r"minio\.ca_file"):
        storage.read("parsed/a")


def test_a_certificate_of_another_host_is_refused(
    make_storage: MakeStorage, authority: Authority, proxy: FaultProxy
) -> None:
    storage = make_storage(
        hostname=f"localhost:{proxy.port}", secure=True, ca_file=authority.ca_file
    )
    with pytest.raises(ConfigInvalid, match="certificate"):
        storage.read("parsed/a")
