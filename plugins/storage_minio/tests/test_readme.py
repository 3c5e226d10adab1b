"""What the README has operators run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from devkit.servers.seaweedfs import ADMIN, BUCKET, SeaweedServer

README = Path(__file__).parents[1] / "README.md"


@pytest.fixture
def operator(server: SeaweedServer) -> Iterator[Any]:
    """What ``aws s3api`` is made of."""
    client = botocore.session.get_session().create_client(
        "s3",
        endpoint_url=f"http://{server.hostname}",
        region_name="us-east-1",
        aws_access_key_id=ADMIN.access_key,
        aws_secret_access_key=ADMIN.secret_key,
    )
    yield client
    client.delete_bucket_lifecycle(Bucket=BUCKET)


def test_the_lifecycle_rules_are_taken_by_a_store(operator: Any) -> None:
    text = README.read_text().split("lifecycle.json <<'END'\n")[1].partition("END\n")[0]
    rules = json.loads(text)
    operator.put_bucket_lifecycle_configuration(Bucket=BUCKET, LifecycleConfiguration=rules)
    found = operator.get_bucket_lifecycle_configuration(Bucket=BUCKET)["Rules"]
    (expiring,) = [rule for rule in found if "Expiration" in rule]
    assert expiring["Expiration"]["Days"] == 90
    assert expiring["Filter"]["Prefix"] == "parsed/"
