"""A store used on both sides of a fork: what Celery's prefork pool does to a careless plugin."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

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


def test_many_threads_make_one_value_together() -> None:
    calls: list[int] = []

    def slow() -> object:
        calls.append(1)
        time.sleep(0.2)
        return object()

    made = PerProcess(slow)
    with ThreadPoolExecutor(8) as pool:
        values = set(pool.map(lambda _: made.get(), range(8)))
    assert len(values) == len(calls) == 1


def test_a_child_does_not_wait_for_a_thread_that_only_its_parent_has() -> None:
    making, go_on = threading.Event(), threading.Event()

    def slow() -> object:
        making.set()
        go_on.wait(60)
        return object()

    made = PerProcess(slow)
    thread = threading.Thread(target=made.get)
    thread.start()
    making.wait(60)

    def work() -> None:
        go_on.set()
        os._exit(0 if made.get() else 1)

    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join(20)
    code = child.exitcode
    child.kill()
    go_on.set()
    thread.join(60)
    assert code == 0
