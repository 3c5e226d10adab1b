"""The store's address comes from the operator alone: nothing follows a redirect out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.client import only_host
from parsekit_storage_minio.storage import MinioStorage

from .conftest import MakeStorage
from .strange_store import Oddity, StrangeStore, strange_store

MOVED = [301, 302, 303, 307, 308]


@pytest.fixture
def other() -> Iterator[StrangeStore]:
    """Somebody else's server, which has an answer for everything."""
    with strange_store() as store:
        store.objects["/replays/parsed/a"] = b"somebody else's"
        yield store


def _calls(storage: MinioStorage, folder: Path) -> dict[str, Callable[[], object]]:
    return {
        "head": lambda: storage.head("parsed/a"),
        "read": lambda: storage.read("parsed/a"),
        "fetch": lambda: storage.fetch("parsed/a", folder / "t", max_bytes=100),
        "write": lambda: storage.write("parsed/a", b"ours"),
        "create": lambda: storage.write("parsed/a", b"ours", replace=False),
        "delete": lambda: storage.delete("parsed/a"),
    }


@pytest.mark.parametrize("status", MOVED)
def test_no_request_goes_to_another_host(
    make_storage: MakeStorage, other: StrangeStore, status: int, tmp_path: Path
) -> None:
    address = f"http://localhost:{other.server_address[1]}"
    with strange_store(Oddity(moved_to=address, moved_status=status)) as store:
        storage = make_storage(hostname=store.hostname)
        for name, call in _calls(storage, tmp_path).items():
            with pytest.raises(ConfigInvalid, match=r"minio\.hostname: .* another address"):
                call()
            assert other.requests == [], name
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", MOVED)
def test_no_body_goes_to_another_port(
    make_storage: MakeStorage, other: StrangeStore, status: int, tmp_path: Path
) -> None:
    oddity = Oddity(moved_to=f"http://{other.hostname}", moved_status=status)
    with strange_store(oddity) as store:
        calls = _calls(make_storage(hostname=store.hostname), tmp_path)
        for name in ("write", "create"):
            with suppress(ConfigInvalid):  # a 303 asks for a GET, and obstore obeys
                calls[name]()
    assert "PUT" not in other.requests


@pytest.mark.parametrize("status", MOVED)
def test_no_signature_goes_to_another_port(
    make_storage: MakeStorage, other: StrangeStore, status: int, tmp_path: Path
) -> None:
    oddity = Oddity(moved_to=f"http://{other.hostname}", moved_status=status)
    with strange_store(oddity) as store:
        for call in _calls(make_storage(hostname=store.hostname), tmp_path).values():
            with suppress(ConfigInvalid):
                call()
        assert store.signed == len(store.requests)
    assert other.requests  # a HEAD or a GET gets there
    assert other.signed == 0


@pytest.mark.parametrize(
    ("endpoint", "excluded"),
    [
        ("http://minio:9000", "minio"),
        ("https://s3.example.org", "s3.example.org"),
        ("http://[::1]:9000", "::1"),
    ],
)
def test_obstore_may_reach_the_stores_host_alone(
    endpoint: str, excluded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (
        "http_proxy",
        "https_proxy",
        "all_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
    ):
        monkeypatch.delenv(name, raising=False)
    assert only_host(endpoint)["proxy_excludes"] == excluded


def test_a_proxy_of_the_operator_stays_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy:3128")
    monkeypatch.setenv("no_proxy", "minio")
    assert only_host("https://s3.example.org") == {}
    assert only_host("https://minio:9000")["proxy_excludes"] == "minio"
