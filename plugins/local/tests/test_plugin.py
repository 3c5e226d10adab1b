from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest

from parsekit import ParserEntry
from parsekit_local import plugin
from parsekit_local.parser import LocalParser
from parsekit_local.stream import readers


def test_registering_loads_neither_numpy_nor_native_code() -> None:
    code = (
        "import sys; from parsekit_local import plugin; "
        "plugin.parsekit_register_parsers(lambda entry: None); "
        "assert not {'numpy', 'subtr_actor', 'parsekit_local.stream.decoder'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_fidelity_command_loads_the_parser_only_when_it_runs() -> None:
    code = (
        "import sys; from parsekit_local.fidelity.command import fidelity; "
        "assert not {'numpy', 'subtr_actor', 'typer'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_entry_names_the_parser() -> None:
    entries: list[ParserEntry] = []
    plugin.parsekit_register_parsers(entries.append)
    (entry,) = entries
    assert (entry.name, entry.runs) == ("local", "local")
    assert entry.create == f"{LocalParser.__module__}:{LocalParser.__name__}"
    assert float(entry.version.rpartition(".")[0]) >= 1.0


def test_doctor_says_which_reader_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        readers, "native_module", SimpleNamespace(LAYOUT=readers.LAYOUT, BOXCARS="9.9.9")
    )
    (line,) = plugin._check()
    assert (line.ok, line.detail) == (True, "native reader, boxcars 9.9.9")


def test_the_entry_says_which_reader_reads_without_numpy() -> None:
    code = """
import sys
from parsekit_local import plugin
entries = []
plugin.parsekit_register_parsers(entries.append)
assert "parsekit_local_native" not in sys.modules
print(entries[0].reader())
assert not {"numpy", "subtr_actor"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == readers.in_use()


def test_doctor_says_why_the_native_reader_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readers, "native_module", SimpleNamespace(LAYOUT=99))
    (line,) = plugin._check()
    assert line.ok is None
    assert "dictionary reader, subtr-actor-py 1." in line.detail
    assert ": parsekit-local-native has layout 99" in line.detail
    assert "parsekit-local[native]" in line.advice
