"""A worker that ends with tasks still running."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from parsekit.worker.process import Process


class _Service:
    addresses = SimpleNamespace(backend="redis://127.0.0.1:1/0")

    @property
    def session(self) -> None:
        pytest.fail("a pipeline was made only to be closed")


def test_the_parent_of_a_pool_which_runs_no_task_makes_no_pipeline_to_close() -> None:
    Process(_Service()).abort()
