"""The document of the API is true: it has every call, and each answers as it says."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from parsekit import JsonObject
from parsekit_server.access import Role
from parsekit_server.api.openapi import OPERATIONS
from parsekit_server.api.routes import ROUTES

from .running import Client, RunningServer, replay_bytes

#: Errors that any call may have; the first are those of what a caller sends.
ERRORS = {400, 401, 403, 404, 413, 503}


def test_every_call_is_in_the_document() -> None:
    routed = {(route.method, route.path) for route in ROUTES}
    assert OPERATIONS.keys() == routed | {("POST", "/api/v2/upload")}
    free = {(it.method, it.path) for it in ROUTES if it.callers == "anybody"}
    assert {key for key, it in OPERATIONS.items() if not it.needs_token} == free


def document_of(server: RunningServer) -> JsonObject:
    document: JsonObject = Client(root=server.root, token="").get(f"{server.root}/openapi.json")
    return document


def values(schema: JsonObject) -> st.SearchStrategy[Any]:
    """What a schema allows, and now and then what it does not."""
    kinds: dict[str, st.SearchStrategy[Any]] = {
        "string": st.text(max_size=40),
        "integer": st.integers(-5, 10**12),
        "boolean": st.booleans(),
        "array": st.lists(values(schema["items"]), max_size=3) if "items" in schema else st.none(),
        "object": st.fixed_dictionaries(
            {}, optional={name: values(it) for name, it in schema.get("properties", {}).items()}
        ),
    }
    allowed = kinds[schema["type"]]
    if "enum" in schema:
        allowed = st.sampled_from(schema["enum"])
    if schema.get("format") == "date-time":
        allowed = st.datetimes().map(lambda moment: f"{moment.isoformat()}Z")
    return st.one_of(allowed, allowed, st.text(max_size=5))


@pytest.mark.parametrize("operation", OPERATIONS, ids=" ".join)
def test_every_call_answers_as_the_document_says(
    server: RunningServer, operation: tuple[str, str]
) -> None:
    document = document_of(server)
    client = server.client("ann", Role.ADMIN)
    group = client.call("POST", "/groups", json={"name": "Season"}).json()["id"]
    replay_id = client.uploaded(replay_bytes(), group=group)
    method, path = operation
    found = document["paths"][path][method.lower()]
    query = {it["name"]: values(it["schema"]) for it in found["parameters"] if it["in"] == "query"}
    content = found.get("requestBody", {}).get("content", {})
    body = values(content["application/json"]["schema"]) if "application/json" in content else None
    known = group if "groups" in path else replay_id

    @settings(max_examples=12, derandomize=True, deadline=None, database=None)
    @given(
        st.sampled_from([known, known, "nothing", "a%00b"]),
        st.fixed_dictionaries({}, optional=query),
        st.none() if body is None else body,
        st.sampled_from([client.token, client.token, "", "Bearer x"]),
    )
    def holds(number: str, params: dict[str, Any], sent: Any, token: str) -> None:
        address = f"{server.root}{path.format(id=number)}"
        options = {} if sent is None else {"json": sent}
        caller = Client(root=server.root, token=token)
        answer = caller.call(method, address, params=params, **options)
        responses = found["responses"]
        assert str(answer.status_code) in responses or answer.status_code in ERRORS, answer.text
        if token != client.token and found.get("security") != []:
            assert answer.status_code == 401
        shown = responses.get(str(answer.status_code), responses["default"])
        schema = shown.get("content", {}).get("application/json", {}).get("schema")
        if schema is None:
            assert "application/json" not in answer.headers.get("Content-Type", "")
            return
        whole = {**schema, "components": document["components"]}
        assert not [*Draft202012Validator(whole).iter_errors(answer.json())]

    holds()
