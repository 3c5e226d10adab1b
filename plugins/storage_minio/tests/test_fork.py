"""A store used around a fork: what a prefork pool does, and what a careless program does."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable

from devkit.servers.proxy import FaultProxy
from devkit.servers.seaweedfs import ADMIN, Identity
from parsekit.errors import PluginFailed
from parsekit_storage_minio.storage import MinioStorage

from .conftest import KeyFiles

#: A parent that makes the storage and forks children, which use it; then it does so itself.
PREFORK = """
import os, sys
from parsekit import ProviderContext
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

hostname, access, secret = sys.argv[1:]
settings = MinioSettings(hostname=hostname, access_key_file=access, secret_key_file=secret)
storage = MinioStorage(ProviderContext(settings=settings))

def use(number):
    key = f"parsed/fork-{number}"
    assert storage.write(key, b"child", replace=False)
    assert storage.head(key).size_bytes == 5
    assert storage.read(key) == b"child"
    storage.delete(key)
    storage.close()

for number in range(2):
    if not (child := os.fork()):
        use(number)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
use(2)
"""


def test_the_children_of_a_parent_that_only_made_the_storage_use_it(
    proxy: FaultProxy, key_files: Callable[[Identity], KeyFiles]
) -> None:
    files = key_files(ADMIN)
    arguments = [f"127.0.0.1:{proxy.port}", str(files.access), str(files.secret)]
    subprocess.run([sys.executable, "-c", PREFORK, *arguments], check=True, timeout=60)
    assert [line.split()[0] for line in proxy.requests].count("DELETE") == 3


def test_a_child_is_told_at_once_that_its_parent_used_the_storage(storage: MinioStorage) -> None:
    storage.write("parsed/fork", b"parent")

    def work() -> None:
        for call in (
            lambda: storage.read("parsed/fork"),
            lambda: storage.write("parsed/fork", b"child"),
        ):
            try:
                call()
            except PluginFailed as exc:
                if "before the fork" in exc.message:
                    continue
            os._exit(1)
        storage.close()
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    code = child.exitcode
    child.kill()
    assert code == 0
    assert storage.read("parsed/fork") == b"parent"
    storage.delete("parsed/fork")
