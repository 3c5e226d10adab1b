"""Every plugin that is installed is either at work or named with its distribution and cause."""

from __future__ import annotations

from importlib import import_module

import pytest

from parsekit import hookimpl
from parsekit.config import load_config
from parsekit.errors import ConfigInvalid
from parsekit.host.discovery import PluginFault
from parsekit.host.host import Host
from parsekit.host.plugin_info import PluginRecord

GOOD = """
from parsekit import Parsed, ParserEntry, hookimpl

class {name}:
    def __init__(self, context): pass
    def parse(self, replay, job): return Parsed(data={{"by": "{name}"}})

@hookimpl
def parsekit_register_parsers(register):
    register(ParserEntry(name="{name}", version="1", create={name}))
"""


SECTION = """
from pydantic import BaseModel, Field, model_validator
from parsekit import Parsed, ParserEntry, hookimpl

class Inner(BaseModel):
    depth: int

class Settings(BaseModel):
    {key}

@hookimpl
def parsekit_register_sections(register):
    register("loud", Settings)

@hookimpl
def parsekit_register_parsers(register):
    register(ParserEntry(name="shout", version="1", create="shout:Shout", settings=Settings))
"""


def good(name: str) -> str:
    return GOOD.format(name=name)


def record(host: Host, name: str) -> PluginRecord:
    (found,) = (r for r in host.plugins if r.name == name)
    return found


def test_an_installed_plugin_is_found_with_its_distribution(install):
    install("shout", good("shout"))
    found = record(Host.load({}), "shout")
    assert (found.distribution, found.version, found.error) == ("parsekit-shout", "1.5", None)
    assert found.provides == ("parser shout",)


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("import no_such_module", "No module named 'no_such_module'"),
        ("raise RuntimeError('two\\nlines')", "RuntimeError: two lines"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("class Panic(BaseException): pass\nraise Panic('native')", "Panic: native"),
        ("syntax error", "SyntaxError"),
        ("parsekit_hook_version = 99", "hook version 99"),
        ("import time\ntime.sleep(30)", "did not finish within 0.3 s"),
        (
            "from parsekit import hookimpl\n@hookimpl\ndef parsekit_regster_parsers(register): 0",
            "unknown hook 'parsekit_regster_parsers'",
        ),
        (
            "from parsekit import hookimpl\n@hookimpl\ndef parsekit_progress(evnt): 0",
            "Argument(s) {'evnt'}",
        ),
        ("def parsekit_progress(event): 0", "parsekit_progress lacks @parsekit.hookimpl"),
        (
            "from parsekit import hookimpl\n"
            "@hookimpl\ndef parsekit_register_parsers(register): register('not an entry')",
            "want a ParserEntry",
        ),
        (
            "from parsekit import hookimpl, ParserEntry\n@hookimpl\n"
            "def parsekit_register_parsers(register):\n"
            "    register(ParserEntry(name='v', version='v1', create='a:B'))",
            "registers parser 'v' with version 'v1'; begin it with a number",
        ),
        (
            "from parsekit import hookimpl\n"
            "@hookimpl\ndef parsekit_register_parsers(register): 1 / 0",
            "ZeroDivisionError",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_a_broken_plugin_is_named_and_the_rest_works(install, code, cause):
    install("bad", code, module=f"bad_{abs(hash(code))}")  # a hanging import keeps its name locked
    install("shout", good("shout"))
    host = Host.load({}, load_seconds=0.3 if "sleep" in code else 10)
    broken = record(host, "bad")
    assert broken.distribution == "parsekit-bad"
    assert cause in (broken.error or "")
    assert broken.provides == ()
    assert record(host, "shout").error is None
    assert host.parser_entry("shout").version == "1"


def test_a_plugin_that_fails_half_way_leaves_nothing_behind(install):
    install("half", good("half") + "\n    raise RuntimeError('after registering')\n")
    host = Host.load({})
    assert "after registering" in (record(host, "half").error or "")
    with pytest.raises(ConfigInvalid, match="plugin 'half' failed: RuntimeError"):
        host.parser_entry("half")


def test_the_second_plugin_of_a_name_is_refused_naming_the_first(install):
    install("twin", good("twin"), distribution="a-first", module="first_twin")
    install("twin", good("twin"), distribution="b-second", module="second_twin")
    twins = [r for r in Host.load({}).plugins if r.name == "twin"]
    assert [(r.distribution, r.error is None) for r in twins] == [
        ("a-first", True),
        ("b-second", False),
    ]
    assert "a-first" in (twins[1].error or "")


def test_a_parser_name_that_is_taken_is_refused_naming_both(install):
    install("early", good("same"))
    install("late", good("same"))
    host = Host.load({})
    assert record(host, "late").error == "parser 'same' is already registered by plugin 'early'"
    assert record(host, "early").error is None


@pytest.mark.parametrize(
    ("wanted", "loaded"), [("one", {"one"}), ("one, two", {"one", "two"}), ("", set())]
)
def test_parsekit_plugins_selects(install, wanted, loaded):
    for name in ("one", "two", "three"):
        install(name, good(name))
    host = Host.load({"PARSEKIT_PLUGINS": wanted})
    assert {r.name for r in host.plugins if not r.default} == loaded
    assert "folder" in host.storages


def test_a_plugin_that_is_asked_for_and_missing_is_named():
    missing = record(Host.load({"PARSEKIT_PLUGINS": "nowhere"}), "nowhere")
    assert "no such plugin is installed" in (missing.error or "")


def test_an_unknown_parser_answers_with_known_ones_and_what_would_bring_it(install):
    install("shout", good("shout"))
    host = Host.load({"PARSEKIT_PLUGINS": "shout"})
    with pytest.raises(ConfigInvalid) as caught:
        host.parser_entry("ballchasing")
    assert "known: shout" in caught.value.message
    assert "pip install parsekit-ballchasing" in caught.value.message


def test_a_slow_import_is_mentioned(install):
    install("slow", "import time; time.sleep(0.6)" + good("slow"))
    found = record(Host.load({}), "slow")
    assert found.error is None
    assert "slow to import" in (found.warning or "")


def test_a_class_is_instantiated_once_a_host(install):
    install(
        "sink",
        """
        from parsekit import hookimpl
        class Sink:
            def __init__(self): self.heard = []
            @hookimpl
            def parsekit_progress(self, event): self.heard.append(event)
        """,
    )
    host = Host.load({"PARSEKIT_PLUGINS": ""})
    host.register(import_module("plugin_sink").Sink(), "sink")
    assert record(host, "sink").provides == ("progress",)


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("speed: int", "every key of section 'loud' needs a default: speed"),
        (
            "speed: int = Field(alias='maxSpeed'); step: int",
            "every key of section 'loud' needs a default: maxSpeed, step",
        ),
        ("inner: Inner = Field({}, validate_default=True)", "needs a default: inner.depth"),
        (
            "path: str = Field(None, validate_default=True)",
            "section 'loud' must be valid when it is left out: path: is null, want a string",
        ),
    ],
)
@pytest.mark.parametrize("hook", ["sections", "parsers"])
def test_a_section_that_has_to_be_written_breaks_its_plugin_and_nothing_else(
    install, tmp_path, key, cause, hook
):
    other = {"sections": "parsers", "parsers": "sections"}[hook]
    code = SECTION.format(key=key).replace(f"def parsekit_register_{other}", "def unused")
    code = code.replace("@hookimpl\ndef unused", "def unused")
    install("needy", code)
    install("shout", good("fine"))
    host = Host.load({})
    words = cause if hook == "sections" else cause.replace("'loud'", "'shout'")
    assert words in (record(host, "needy").error or "")
    file = tmp_path / "parsekit.json"
    file.write_text('{"parser": "fine"}')
    config = load_config(file, plugin_sections=host.sections, environ={})
    assert host.parser_entry(config.host.parser).version == "1"


class Listener:
    @hookimpl
    def parsekit_progress(self, event: object) -> None:
        """Hear."""


def test_an_object_under_a_name_that_is_taken_is_refused():
    host = Host()
    host.register(Listener(), "driver")
    with pytest.raises(PluginFault, match="'driver': a plugin of this name is already loaded"):
        host.register(Listener(), "driver")
    assert [name for name, _ in host.listeners("parsekit_progress")] == ["driver"]


@pytest.mark.parametrize(
    ("hook", "arguments", "words"),
    [
        ("parsekit_waits", "event", "waits"),
        ("parsekit_metrics", "", "metrics"),
        ("parsekit_open", "session", "open"),
        ("parsekit_register_checks", "session, register", "checks"),
    ],
)
def test_each_hook_that_is_listened_to_is_listed(install, hook, arguments, words):
    code = f"from parsekit import hookimpl\n@hookimpl\ndef {hook}({arguments}): return []"
    install("ear", code, module=f"ear_{hook}")
    assert record(Host.load({}), "ear").provides == (words,)
