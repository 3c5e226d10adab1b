"""With a key, a result or ticket that was not written by a worker of ours is never used.

A folder of this machine always has one.
"""

from __future__ import annotations

import json
import logging
import multiprocessing
import os
import re
import socket
import stat
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import pytest

from parsekit import api
from parsekit.api import open_pipeline
from parsekit.config import Config, FolderSettings, HostSettings, ProvenanceSettings
from parsekit.config.config import HOST_SECTIONS
from parsekit.errors import ConfigInvalid
from parsekit.host.session import Session
from parsekit.json_text import JsonData, spliced
from parsekit.model import NotReady, Outcome, Parsed
from parsekit.pipeline.pipeline import Waiting
from parsekit.providers import LARGEST_READ_BYTES
from parsekit.storage.signing import OWN_KEY_FILE, Signer

KEY, OLD_KEY, STRANGERS_KEY = Signer((b"k" * 32,)), Signer((b"o" * 32,)), Signer((b"s" * 32,))
BOTH = Signer((*KEY.keys, *OLD_KEY.keys))


def done(answer: Outcome | Waiting) -> Outcome:
    assert isinstance(answer, Outcome), answer
    assert answer.ok, answer.failure
    return answer


def stored(bench, outcome: Outcome) -> dict[str, Any]:
    return dict(json.loads(bench.store.read(outcome.output_path)))


def put(bench, outcome: Outcome, document: dict[str, Any]) -> None:
    """Store it in the very form in which we do, so that nothing but its content is wrong."""
    members = {name: value for name, value in document.items() if name != "data"}
    body = spliced(members, "data", JsonData.of(document["data"]).text)
    bench.store.write(outcome.output_path, body.encode())


def again(bench, signer: Signer | None) -> Outcome:
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    return done(bench.pipeline(signer=signer).run(bench.request(task="task-2")))


def test_a_result_says_what_made_it_so_that_it_can_be_recalled(bench):
    document = stored(bench, done(bench.pipeline().run(bench.request())))
    assert document["provenance"]["madeBy"] == {
        "host": socket.gethostname(),
        "process": os.getpid(),
        "parsekit": version("parsekit"),
        "distribution": "",  # the parser of these tests is no distribution's
        "confinement": "none",
        "reader": "",
    }


def test_a_result_says_what_its_parser_read_it_with(bench):
    bench.script.steps = [Parsed(data={"answer": 42}, reader="reader 7")]
    document = stored(bench, done(bench.pipeline().run(bench.request())))
    assert document["provenance"]["madeBy"]["reader"] == "reader 7"


def test_a_parsers_notice_is_logged_once_a_process_and_never_without_end(
    bench, caplog: pytest.LogCaptureFixture
):
    pipeline = bench.pipeline()
    said = ["upgrade me", "upgrade me", "", *(f"build {number}" for number in range(150))]
    for number, notice in enumerate(said):
        bench.script.steps = [Parsed(data={}, notice=notice)]
        done(pipeline.run(bench.request(task=f"task-{number}", disable_cache=True)))
    lines = [line for line in caplog.messages if line.startswith("parser script: ")]
    assert lines[:2] == ["parser script: upgrade me", "parser script: build 0"]
    assert len(lines) == 100


def forged_data(document: dict[str, Any]) -> None:
    document["data"] = {"answer": "forged"}
    document["provenance"]["dataSha256"] = JsonData.of(document["data"]).sha256


def edited(*path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def edit(document: dict[str, Any]) -> None:
        *places, last = path
        for place in places:
            document = document[place]
        document[last] = value

    return edit


def unsigned(document: dict[str, Any]) -> None:
    del document["provenance"]["signature"]


def signed_by_a_stranger(document: dict[str, Any]) -> None:
    forged_data(document)
    provenance = {k: v for k, v in document["provenance"].items() if k != "signature"}
    covered = {k: v for k, v in document.items() if k != "data"} | {"provenance": provenance}
    document["provenance"]["signature"] = STRANGERS_KEY.sign("parsekit result", covered)


def test_a_signed_result_is_served_and_says_what_it_is_of(bench):
    first = done(bench.pipeline(signer=KEY).run(bench.request()))
    provenance = stored(bench, first)["provenance"]
    assert provenance["signature"].startswith("hmac-sha256:")
    assert {"fingerprint", "replayBytes", "storedUnix", "dataSha256"} <= set(provenance)
    assert again(bench, KEY).cached


@pytest.mark.parametrize(
    "tamper",
    [
        forged_data,
        unsigned,
        signed_by_a_stranger,
        edited("warnings", value=["do not trust it"]),
        edited("hash", value="0" * 64),
        edited("provenance", "storedUnix", value=9e9),
        edited("provenance", "storedUnix", value=10**400),
        edited("provenance", "replayBytes", value=10**400),
        edited("provenance", "taskId", value="task-2"),
        edited("provenance", "signature", value="hmac-sha256:" + "0" * 64),
        edited("provenance", "signature", value="\u00e9"),
        edited("provenance", "signature", value=["a list"]),
        edited("more", value=1),
    ],
)
def test_a_tampered_result_is_parsed_again_and_replaced(bench, tamper):
    first = done(bench.pipeline(signer=KEY).run(bench.request()))
    document = stored(bench, first)
    tamper(document)
    put(bench, first, document)
    second = again(bench, KEY)
    assert (second.cached, second.data) == (False, {"answer": "anew"})
    assert stored(bench, second)["data"] == {"answer": "anew"}
    third = done(bench.pipeline(signer=KEY).run(bench.request(task="task-3")))
    assert (third.cached, third.data) == (True, {"answer": "anew"})


@pytest.mark.parametrize("signer", [KEY, None], ids=["signed", "unsigned"])
@pytest.mark.parametrize("number", ["1e999", "Infinity", "NaN", "-1e999", "9" * 400, "9" * 5000])
@pytest.mark.parametrize("name", ["replayBytes", "storedUnix"])
def test_a_number_without_end_is_parsed_again_and_replaced(bench, signer, number, name):
    first = done(bench.pipeline(signer=signer).run(bench.request()))
    body = bench.store.read(first.output_path)
    end = re.compile(rf'("{name}":)[0-9.e+]+'.encode())
    bench.store.write(first.output_path, end.sub(rb"\g<1>" + number.encode(), body))
    assert bench.store.read(first.output_path) != body
    second = again(bench, signer)
    assert (second.cached, second.data) == (False, {"answer": "anew"})
    assert stored(bench, second)["data"] == {"answer": "anew"}


def test_what_is_larger_than_any_result_is_parsed_again_and_replaced(bench):
    first = done(bench.pipeline(signer=KEY).run(bench.request()))
    bench.store.write(first.output_path, bytes(LARGEST_READ_BYTES + 1))
    second = again(bench, KEY)
    assert (second.cached, second.data) == (False, {"answer": "anew"})
    assert stored(bench, second)["data"] == {"answer": "anew"}


def test_what_is_only_written_anew_is_served(bench):
    """The tests above would be worth nothing if the form of a document were at fault."""
    first = done(bench.pipeline(signer=KEY).run(bench.request()))
    put(bench, first, stored(bench, first))
    assert again(bench, KEY).cached


def test_a_result_from_before_the_key_is_parsed_again(bench):
    done(bench.pipeline().run(bench.request()))
    assert not again(bench, KEY).cached


def test_without_a_key_a_signed_result_is_served(bench):
    done(bench.pipeline(signer=KEY).run(bench.request()))
    assert again(bench, None).cached


def test_a_result_of_a_previous_key_is_served_until_that_key_is_dropped(bench):
    done(bench.pipeline(signer=OLD_KEY).run(bench.request()))
    assert again(bench, BOTH).cached
    assert not again(bench, KEY).cached


def test_a_forged_ticket_is_not_followed(bench):
    bench.script.steps = [NotReady(ticket={"id": "ours"}, after_s=1)]
    pipeline = bench.pipeline(signer=KEY)
    assert isinstance(pipeline.run(bench.request()), Waiting)
    (ticket,) = Path(bench.folder, "store").rglob("tickets/**/*.json")
    ticket.write_text(ticket.read_text().replace("ours", "forged"))
    bench.locks.acquire = lambda key, owner: type(bench.locks)().acquire(key, owner=owner)
    done(pipeline.run(bench.request(task="task-2")))
    assert [how for how, _ in bench.script.calls] == ["parse", "parse"]


@pytest.mark.parametrize("number", ["1e999", "NaN", "9" * 400])
@pytest.mark.parametrize("name", ["sizeBytes", "progress", "parseBeganUnix"])
def test_a_ticket_with_a_number_without_end_is_not_followed(bench, name, number):
    bench.script.steps = [NotReady(ticket={"id": "ours"}, after_s=1)]
    pipeline = bench.pipeline()
    assert isinstance(pipeline.run(bench.request()), Waiting)
    (ticket,) = Path(bench.folder, "store").rglob("tickets/**/*.json")
    ticket.write_text(re.sub(rf'("{name}": )[0-9.e+]+', rf"\g<1>{number}", ticket.read_text()))
    assert number in ticket.read_text()
    bench.locks.acquire = lambda key, owner: type(bench.locks)().acquire(key, owner=owner)
    done(pipeline.run(bench.request(task="task-2")))
    assert [how for how, _ in bench.script.calls] == ["parse", "parse"]


def test_a_ticket_of_ours_is_followed(bench):
    bench.script.steps = [NotReady(ticket={"id": "ours"}, after_s=1)]
    pipeline = bench.pipeline(signer=KEY)
    assert isinstance(pipeline.run(bench.request()), Waiting)
    bench.locks.acquire = lambda key, owner: type(bench.locks)().acquire(key, owner=owner)
    done(pipeline.run(bench.request(task="task-2")))
    assert [how for how, _ in bench.script.calls] == ["parse", "resume"]


def test_a_result_in_a_task_s_message_from_before_the_key_is_parsed_again(bench):
    bench.store.away = {"write"}
    waiting = bench.pipeline().run(bench.request())
    assert isinstance(waiting, Waiting)
    bench.store.away = set()
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    answer = done(bench.pipeline(signer=KEY).run(bench.request(), waiting.state))
    assert answer.data == {"answer": "anew"}


def test_a_signed_result_waits_for_the_storage_in_its_message(bench):
    bench.store.away = {"write"}
    pipeline = bench.pipeline(signer=KEY)
    waiting = pipeline.run(bench.request())
    assert isinstance(waiting, Waiting)
    bench.store.away = set()
    assert done(pipeline.run(bench.request(), waiting.state)).data == {"answer": 42}
    assert len(bench.script.calls) == 1


def config_of(**settings: Any) -> Config:
    sections = {name: model() for name, model in HOST_SECTIONS.items()}
    sections["provenance"] = ProvenanceSettings.model_validate(settings)
    return Config(sections=sections)


def key_file(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.touch(mode=0o600)
    file.write_text(text)
    return file


def test_keys_are_read_from_files_and_never_shown(tmp_path: Path):
    new = key_file(tmp_path, "new", "n" * 64 + "\n")
    old = key_file(tmp_path, "old", "o" * 64)
    signer = Signer.of(config_of(key_file=new, previous_key_files=[old]))
    assert signer == Signer((b"n" * 64, b"o" * 64))
    assert "nnn" not in repr(signer)
    assert Signer.of(config_of()) is None


def test_a_key_that_is_short_or_missing_is_refused(tmp_path: Path):
    short = key_file(tmp_path, "short", "x" * 31)
    with pytest.raises(ConfigInvalid, match=r"provenance.key_file: holds 31 bytes, want at least"):
        Signer.of(config_of(key_file=short))
    good = key_file(tmp_path, "good", "x" * 32)
    with pytest.raises(ConfigInvalid, match=r"provenance.previous_key_files.0: can't read"):
        Signer.of(config_of(key_file=good, previous_key_files=[tmp_path / "none"]))


Role = Literal["cli", "worker", "python"]


def session_of(
    bench, data: str = "data", *, role: Role = "python", path: str | None = None, **provenance: Any
) -> Session:
    """What a user has who only named a folder; with ``data`` of their own on each machine."""
    sections = dict(config_of(**provenance).sections)
    sections["folder"] = FolderSettings(path=path or str(bench.folder / "store"))
    config = Config(host=HostSettings(parser="script"), sections=sections)
    return Session(config=config, role=role, data_dir=bench.folder / data)


def parsed(bench, session: Session, task: str) -> Outcome:
    with open_pipeline(session, bench.host) as pipeline:
        return done(pipeline.run(bench.request(task=task)))


def test_a_forged_result_in_a_folder_is_not_served_though_nothing_is_configured(bench):
    session = session_of(bench)
    first = parsed(bench, session, "task-1")
    assert parsed(bench, session, "task-2").cached
    document = stored(bench, first)
    forged_data(document)
    put(bench, first, document)
    bench.script.steps = [Parsed(data={"answer": "anew"})]
    assert parsed(bench, session, "task-3").data == {"answer": "anew"}
    assert parsed(bench, session, "task-4").cached


def test_each_data_folder_has_a_key_of_its_own_until_both_name_one(bench, tmp_path: Path):
    """Two machines or users that share a folder of results."""
    ours, theirs = session_of(bench, "ours"), session_of(bench, "theirs")
    parsed(bench, ours, "task-1")
    assert not parsed(bench, theirs, "task-2").cached
    assert not parsed(bench, ours, "task-3").cached
    key = key_file(tmp_path, "shared", "s" * 64)
    parsed(bench, session_of(bench, "ours", key_file=key), "task-4")
    assert parsed(bench, session_of(bench, "theirs", key_file=key), "task-5").cached


def test_results_from_before_a_key_was_configured_can_be_kept(bench, tmp_path: Path):
    parsed(bench, session_of(bench), "task-1")
    own = bench.folder / "data" / OWN_KEY_FILE
    key = key_file(tmp_path, "new", "n" * 64)
    named = session_of(bench, key_file=key, previous_key_files=[own])
    assert parsed(bench, named, "task-2").cached


def key_found(data_dir: Path, begin: Any, found: Any) -> None:
    begin.wait()
    signer = Signer.for_storage(config_of(), data_dir)
    found.put(signer and signer.keys)


def test_processes_that_begin_at_once_make_one_key_that_nobody_else_can_read(tmp_path: Path):
    context = multiprocessing.get_context("spawn")
    begin, found = context.Barrier(6), context.Queue()
    arguments = (tmp_path / "data", begin, found)
    processes = [context.Process(target=key_found, args=arguments) for _ in range(6)]
    for process in processes:
        process.start()
    keys = {found.get(timeout=60) for _ in processes}
    for process in processes:
        process.join()
    (file,) = (tmp_path / "data").iterdir()
    assert keys == {(file.read_bytes(),)}
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("text", ["", "short"])
def test_a_key_that_is_damaged_vouches_for_nothing_and_is_told(
    bench, text: str, caplog: pytest.LogCaptureFixture
):
    session = session_of(bench)
    first = parsed(bench, session, "task-1")
    (session.data_dir / OWN_KEY_FILE).write_text(text)
    document = stored(bench, first)
    unsigned(document)
    put(bench, first, document)
    assert not parsed(bench, session, "task-2").cached
    assert f"no usable key in {session.data_dir / OWN_KEY_FILE}" in caplog.text


def test_a_data_folder_that_can_not_be_written_stops_nothing(
    bench, caplog: pytest.LogCaptureFixture
):
    (bench.folder / "blocked").write_text("in the way")
    session = session_of(bench, "blocked")
    assert not parsed(bench, session, "task-1").cached
    assert parsed(bench, session, "task-2").cached
    assert "results of other runs are parsed again" in caplog.text


@pytest.mark.parametrize(("role", "warnings"), [("worker", 1), ("cli", 0)])
def test_a_worker_says_once_that_a_shared_storage_has_no_key(
    bench, role: Role, warnings: int, caplog: pytest.LogCaptureFixture
):
    api._warn_once.cache_clear()
    session = session_of(bench, role=role, path="memory://results")
    with caplog.at_level(logging.WARNING, "parsekit"):
        for _ in range(2):
            with open_pipeline(session, bench.host) as pipeline:
                assert pipeline.signer is None
    told = [text for text in caplog.messages if "can forge them" in text]
    assert len(told) == warnings
    assert all("provenance.key_file" in text for text in told)
    assert not (session.data_dir / OWN_KEY_FILE).exists()
