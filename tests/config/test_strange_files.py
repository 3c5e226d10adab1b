"""Whatever stands in a file or in the environment: a configuration, or each mistake in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from parsekit.config import Config, load_config
from parsekit.config.config import HOST_SECTIONS
from parsekit.config.settings import HostSettings
from parsekit.errors import ConfigInvalid
from parsekit.host.host import Host

PLUGIN_SECTIONS = Host.load({}).sections
#: A message may name as many mistakes as there are, and quotes each value shortly.
MOST_CHARACTERS = 20_000

ODD = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(
        [10**400, 1e308, "\ud800", "x" * 5000, "\x1b[2J\n", "\x00", "~no such user/x", "~"]
    )
    | st.sampled_from(
        ["redis://h:99999/x", "redis://[::1", "amqp://u:p@h;;amqp://", "https://", "//"]
    )
    | st.sampled_from(["/dev/null", "/proc/self/mem", "..", "10 GiB", "1e999", "NaN"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=5,
)


def names_of(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


MODELS = {**HOST_SECTIONS, **PLUGIN_SECTIONS}
KEYS = [(name, key) for name, model in MODELS.items() for key in (*names_of(model), "more", "")]


@st.composite
def trees(draw: st.DrawFn) -> dict[str, Any]:
    """Some keys that there are with values that they can't have, or sections that are none."""
    tops = [*names_of(HostSettings), "more", *MODELS]
    tree = draw(st.dictionaries(st.sampled_from(tops), ODD, max_size=2))
    for name, key in draw(st.lists(st.sampled_from(KEYS), max_size=3)):
        section = tree.setdefault(name, {})
        if isinstance(section, dict):
            section[key] = draw(ODD)
    return tree


FILES = st.binary(max_size=60) | (trees() | ODD).map(
    lambda tree: json.dumps(tree).replace("Infinity", "1e999").encode()
)
NAMES = st.text(max_size=8) | st.sampled_from(KEYS).map("__".join)
VALUES = st.text(max_size=20) | ODD.map(json.dumps)


def problem_of(load: Callable[[], Config]) -> str:
    """What is wrong with it, "" for nothing."""
    try:
        load()
    except ConfigInvalid as error:
        return error.message
    return ""


@settings(max_examples=250, deadline=None, derandomize=True)
@given(content=FILES, environ=st.dictionaries(NAMES, VALUES, max_size=2))
def test_what_can_not_be_in_force_is_said_in_words(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, environ: Mapping[str, str]
) -> None:
    file = tmp_path_factory.getbasetemp() / "strange.json"
    file.write_bytes(content)
    named = {f"PARSEKIT__{name}": value for name, value in environ.items()}

    def load() -> Config:
        return load_config(file, plugin_sections=PLUGIN_SECTIONS, environ=named)

    assert len(problem_of(load)) < MOST_CHARACTERS
