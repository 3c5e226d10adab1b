"""With a key, a result or ticket that was not written by a worker of ours is never used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from parsekit.config import Config, ProvenanceSettings
from parsekit.config.effective import HOST_SECTIONS
from parsekit.errors import ConfigInvalid
from parsekit.json_data import JsonData, spliced
from parsekit.model import NotReady, Outcome, Parsed
from parsekit.pipeline import Waiting
from parsekit.provenance import Signer

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
    bench.flights.claim = lambda key, owner: type(bench.flights)().claim(key, owner=owner)
    done(pipeline.run(bench.request(task="task-2")))
    assert [how for how, _ in bench.script.calls] == ["parse", "parse"]


def test_a_ticket_of_ours_is_followed(bench):
    bench.script.steps = [NotReady(ticket={"id": "ours"}, after_s=1)]
    pipeline = bench.pipeline(signer=KEY)
    assert isinstance(pipeline.run(bench.request()), Waiting)
    bench.flights.claim = lambda key, owner: type(bench.flights)().claim(key, owner=owner)
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
