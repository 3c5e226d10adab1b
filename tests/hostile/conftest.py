"""A service over each broker, for attacks that do not depend on it."""

from __future__ import annotations

import pytest


@pytest.fixture(params=["redis", "rabbitmq"])
def broker(request):
    """A service over this broker."""
    return request.getfixturevalue("service" if request.param == "redis" else "rabbit_service")
