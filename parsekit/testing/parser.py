"""What every parser must do, as a suite that a parser's tests inherit.

Three lines check an installed parser::

    from parsekit.testing import ParserConformance

    class TestShout(ParserConformance):
        parser = "shout"

Everything runs for real, as a user's command does: found by entry point, made by the host,
run with limits, its result stored and looked up again. Replays are synthetic.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest

from parsekit.api import open_pipeline, open_session
from parsekit.host.host import Host
from parsekit.model import Outcome, Request
from parsekit.pipeline.drive import drive
from parsekit.pipeline.pipeline import Pipeline
from parsekit.providers import NUMBERED
from parsekit.testing.replays.file import believable_match, write_replay

#: Names the modules with native code that importing one entry point brings.
_LISTS_NATIVE = """
import sys
from importlib.metadata import entry_points
import parsekit, pydantic, pluggy, parsekit.config
before = set(sys.modules)
for point in entry_points(group="parsekit"):
    if point.name == sys.argv[1]:
        point.load()
native = [name for name, module in sys.modules.items() if name not in before
          and str(getattr(module, "__file__", "")).endswith(".so") and "lib-dynload" not in
          module.__file__]
print(",".join(sorted(native)))
"""


class ParserConformance:
    """Inherit, and name an installed parser.

    ``config`` is a fixture with the JSON configuration to use; override it for a parser that
    needs settings, such as the address of a recorded or simulated API.
    """

    #: The name under which the parser is registered.
    parser: ClassVar[str]

    @pytest.fixture
    def config(self) -> dict[str, Any]:
        """The configuration, as the JSON file would hold it."""
        return {}

    @pytest.fixture
    def host(self) -> Host:
        """A host with every plugin that is installed."""
        return Host.load()

    @pytest.fixture
    def pipeline(self, host: Host, config: dict[str, Any], tmp_path: Path) -> Iterator[Pipeline]:
        """The pipeline of a command line, with its data in a folder of the test's own."""
        file = tmp_path / "parsekit.json"
        file.write_text(json.dumps(config))
        session = open_session(file, host=host, data_dir=tmp_path / "data")
        with open_pipeline(session, host) as pipeline:
            yield pipeline

    def test_its_plugin_is_found_and_works(self, host: Host) -> None:
        offered = {words: record for record in host.plugins for words in record.provides}
        assert f"parser {self.parser}" in offered, host.failed
        assert offered[f"parser {self.parser}"].error is None

    def test_its_version_starts_with_a_number(self, host: Host) -> None:
        assert NUMBERED.match(host.parser_entry(self.parser).version), host.failed

    def test_listing_it_loads_no_native_code(self, host: Host) -> None:
        words = f"parser {self.parser}"
        plugin = next(record.name for record in host.plugins if words in record.provides)
        command = [sys.executable, "-c", _LISTS_NATIVE, plugin]
        listed = subprocess.run(command, check=True, capture_output=True, text=True)
        assert listed.stdout.strip() == ""

    def test_a_replay_becomes_data(self, pipeline: Pipeline, tmp_path: Path) -> None:
        outcome = self._parse(pipeline, write_replay(tmp_path / "match.replay"))
        assert outcome.failure is None
        assert outcome.data
        assert (outcome.parser, outcome.cached) == (self.parser, False)
        assert json.loads(json.dumps(outcome.data)) == outcome.data

    def test_the_same_content_comes_from_the_cache(
        self, pipeline: Pipeline, tmp_path: Path
    ) -> None:
        first = self._parse(pipeline, write_replay(tmp_path / "one.replay"))
        again = self._parse(pipeline, write_replay(tmp_path / "two.replay"))
        assert again.cached
        assert (again.data, again.output_path) == (first.data, first.output_path)

    def test_the_same_replay_gives_the_same_data(self, pipeline: Pipeline, tmp_path: Path) -> None:
        path = write_replay(tmp_path / "match.replay")
        first, again = (self._parse(pipeline, path, disable_cache=True) for _ in range(2))
        assert not again.cached
        assert again.data == first.data

    def test_different_replays_at_once_are_not_mixed_up(
        self, pipeline: Pipeline, tmp_path: Path
    ) -> None:
        paths = [
            write_replay(tmp_path / f"{seed}.replay", believable_match(seed=seed))
            for seed in range(4)
        ]
        with ThreadPoolExecutor(4) as threads:
            at_once = list(threads.map(lambda path: self._parse(pipeline, path), paths))
        alone = [self._parse(pipeline, path, disable_cache=True) for path in paths]
        assert [outcome.failure for outcome in at_once] == [None] * 4
        assert [outcome.data for outcome in at_once] == [outcome.data for outcome in alone]
        assert len({outcome.hash for outcome in at_once}) == len(paths)

    def test_a_replay_without_frames_is_no_crash(self, pipeline: Pipeline, tmp_path: Path) -> None:
        outcome = self._parse(pipeline, write_replay(tmp_path / "empty.replay", frames=0))
        crashed = outcome.failure is not None and "crashed" in outcome.failure.message
        assert not crashed

    def test_a_damaged_replay_never_reaches_it(self, pipeline: Pipeline, tmp_path: Path) -> None:
        path = write_replay(tmp_path / "match.replay")
        path.write_bytes(path.read_bytes()[:-100])
        outcome = self._parse(pipeline, path)
        assert outcome.failure is not None
        assert outcome.failure.code == "invalid_replay"

    def _parse(self, pipeline: Pipeline, path: Path, *, disable_cache: bool = False) -> Outcome:
        request = Request(
            replay=str(path),
            place="local",
            task_id=f"conformance-{path.name}-{disable_cache}",
            parser=self.parser,
            disable_cache=disable_cache,
        )
        return drive(pipeline, request)
