"""A store used on both sides of a fork: what Celery's prefork pool does to a careless plugin."""

from __future__ import annotations

import multiprocessing
import os

from parsekit_storage_minio.per_process import PerProcess
from parsekit_storage_minio.storage import MinioStorage


def test_a_child_works_though_its_parent_used_the_storage(storage: MinioStorage) -> None:
    storage.write("parsed/fork", b"parent")

    def work() -> None:
        if storage.read("parsed/fork") != b"parent":
            os._exit(2)
        storage.write("parsed/fork", b"child")
        os._exit(0)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    code = child.exitcode
    child.kill()
    assert code == 0
    assert storage.read("parsed/fork") == b"child"
    storage.delete("parsed/fork")


def test_every_process_makes_its_own_value() -> None:
    made = PerProcess(object)
    mine = made.get()
    assert made.get() is mine

    def work() -> None:
        os._exit(0 if made.get() is not mine and made.get() is made.get() else 1)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(60)
    assert child.exitcode == 0
    assert made.get() is mine
    made.drop()
    assert made.get() is not mine
