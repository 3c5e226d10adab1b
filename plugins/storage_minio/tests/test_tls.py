"""TLS with an authority of one's own, as in-house stores have it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator

import pytest

from parsekit.errors import ConfigInvalid
from parsekit.testing.servers.proxy import FaultProxy, fault_proxy
from parsekit.testing.servers.seaweedfs import Certificate, SeaweedServer, seaweedfs

from .conftest import MakeStorage


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """A certificate that signs itself, for 127.0.0.1 alone."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.fail("no openssl to make a certificate with: apt-get install openssl")
    folder = tmp_path_factory.mktemp("tls")
    files = Certificate(cert_file=folder / "cert.pem", key_file=folder / "key.pem")
    command = [
        *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
        *("-subj", "/CN=parsekit test", "-addext", "subjectAltName=IP:127.0.0.1"),
        *("-addext", "basicConstraints=critical,CA:FALSE"),
        *("-keyout", str(files.key_file), "-out", str(files.cert_file)),
    ]
    subprocess.run(command, check=True, capture_output=True)
    return files


@pytest.fixture(scope="module")
def server(
    certificate: Certificate, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SeaweedServer]:
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs"), certificate=certificate) as server:
        yield server


@pytest.fixture
def proxy(server: SeaweedServer) -> Iterator[FaultProxy]:
    assert server.tls_port is not None
    with fault_proxy(server.tls_port) as proxy:
        yield proxy


def test_an_authority_that_is_named_is_trusted(
    make_storage: MakeStorage, certificate: Certificate
) -> None:
    storage = make_storage(secure=True, ca_file=certificate.cert_file)
    assert storage.write("parsed/a", b"x")
    assert storage.read("parsed/a") == b"x"
    storage.delete("parsed/a")


def test_an_unknown_authority_is_refused_by_name(make_storage: MakeStorage) -> None:
    with pytest.raises(ConfigInvalid, match=r"minio\.ca_file"):
        make_storage(secure=True).read("parsed/a")


def test_a_certificate_of_another_host_is_refused(
    make_storage: MakeStorage, certificate: Certificate, proxy: FaultProxy
) -> None:
    storage = make_storage(
        hostname=f"localhost:{proxy.port}", secure=True, ca_file=certificate.cert_file
    )
    with pytest.raises(ConfigInvalid, match="certificate"):
        storage.read("parsed/a")
