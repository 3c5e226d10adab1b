"""The sandbox: an independent client works with it unchanged, and it is as strict as documented."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import Future
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from ballchasing import BallchasingApi  # type: ignore[import-untyped]
from referencing import Registry

from devkit.deployment import poll
from parsekit.testing.replays.file import believable_match, write_replay
from parsekit_ballchasing.simulator import Simulator, SiteOptions
from parsekit_ballchasing.simulator.faults import Fault
from parsekit_ballchasing.tiers import TIERS, Tier

Make = Callable[..., Any]
TOKEN = "test-token-0123456789"


@pytest.fixture
def api(sandbox: Simulator) -> BallchasingApi:
    # In fake time its calls come all at once, so it gets the quickest tier.
    sandbox.site.configure({"tier": "gc"})
    return BallchasingApi(TOKEN, base_url=sandbox.url)


def call(sandbox: Simulator, method: str, path: str, token: str = TOKEN, **more: Any) -> Any:
    headers = {"Authorization": token} if token else {}
    return requests.request(method, sandbox.url + path, headers=headers, timeout=30, **more)


class TestPythonBallchasing:
    """python-ballchasing, written by others, runs against the sandbox as against the site."""

    def test_pings(self, api: Any) -> None:
        assert api.patron_type == "gc"
        assert api.steam_name.startswith("sandbox-")
        assert api.quota["uploads_in_24h"] == {"used": 0, "max": 0, "unlimited": True}

    def test_uploads_and_reads(self, api: Any, clock: Any, make_replay: Make) -> None:
        uploaded = api.upload_replay(make_replay().path, visibility="private")
        assert api.upload_replay(make_replay().path)["id"] == uploaded["id"]
        assert api.get_replay(uploaded["id"])["status"] == "pending"
        clock.sleep(60)
        replay = api.get_replay(uploaded["id"])
        assert (replay["status"], replay["visibility"]) == ("ok", "private")

    def test_changes_downloads_and_deletes(
        self, api: Any, clock: Any, make_replay: Make, tmp_path: Path
    ) -> None:
        replay_id = api.upload_replay(make_replay().path)["id"]
        clock.sleep(60)
        api.patch_replay(replay_id, title="renamed", visibility="unlisted")
        assert api.get_replay(replay_id)["title"] == "renamed"
        path = api.download_replay(replay_id, tmp_path / "down.replay")
        assert path.read_bytes() == make_replay().path.read_bytes()
        api.delete_replay(replay_id)
        with pytest.raises(requests.HTTPError):
            api.get_replay(replay_id)

    def test_lists_over_pages(self, api: Any, sandbox: Simulator, clock: Any) -> None:
        for n in range(230):
            sandbox.site.add(TOKEN, b"%d" % n * 100, visibility="public", group=None)
            clock.sleep(1)
        items = list(api.get_replays(count=230, uploader="me", disable_prefetch=True))
        assert len({item["id"] for item in items}) == 230

    def test_makes_groups(self, api: Any, clock: Any, make_replay: Make) -> None:
        group = api.create_group(
            name="Sunday Cup",
            player_identification="by-id",
            team_identification="by-distinct-players",
        )
        api.upload_replay(make_replay().path, group=group["id"])
        assert api.get_group(group["id"])["status"] == "pending_replays"
        clock.sleep(60)
        assert api.get_group(group["id"])["status"] == "ok"
        assert [item["id"] for item in api.get_groups()] == [group["id"]]
        assert len(list(api.get_group_replays(group["id"]))) == 1
        api.patch_group(group["id"], shared=True)
        api.delete_group(group["id"])
        assert list(api.get_groups()) == []

    def test_knows_maps(self, api: Any) -> None:
        assert "park_night_p" in api.get_maps()


class TestLimits:
    @pytest.mark.parametrize("tier", TIERS.values(), ids=lambda tier: tier.name)
    def test_of_a_second_are_sliding(self, sandbox: Simulator, clock: Any, tier: Tier) -> None:
        sandbox.site.configure({"tier": tier.name})
        answers = [call(sandbox, "GET", "/replays/x").status_code for _ in range(tier.per_second)]
        assert answers == [404] * tier.per_second
        assert call(sandbox, "GET", "/replays/x").status_code == 429
        clock.sleep(1)
        assert call(sandbox, "GET", "/replays/x").status_code == 404

    def test_of_an_hour_are_kept(self, sandbox: Simulator, clock: Any) -> None:
        account = sandbox.site.account(TOKEN)
        account.calls._arrivals["file"].extend([clock() - 10] * 200)
        assert call(sandbox, "GET", "/replays/x/file").status_code == 429
        assert call(sandbox, "GET", "/replays/x").status_code == 404

    def test_of_one_account_leave_others_alone(self, sandbox: Simulator) -> None:
        for _ in range(3):
            call(sandbox, "GET", "/replays/x")
        assert call(sandbox, "GET", "/replays/x", token="other").status_code == 404

    def test_of_uploads_free_one_by_one(
        self, sandbox: Simulator, clock: Any, make_replay: Make
    ) -> None:
        sandbox.site.configure({"day": 2, "week": 70})

        def upload(name: str) -> int:
            files = {"file": make_replay(name).path.open("rb")}
            with files["file"]:
                return int(call(sandbox, "POST", "/v2/upload", files=files).status_code)

        for name, status in (("a", 201), ("b", 201), ("c", 429)):
            assert upload(name) == status
            clock.sleep(60)
        clock.sleep(86400 - 170)
        assert upload("c") == 201
        assert upload("d") == 429

    @pytest.mark.parametrize("form", ["seconds", "date", "none"])
    def test_are_announced_as_wanted(self, sandbox: Simulator, clock: Any, form: Any) -> None:
        sandbox.site.configure({"retry_after": form})
        sandbox.faults.scripted = [Fault(kind="429", endpoint="list")]
        for _ in range(2):
            call(sandbox, "GET", "/replays/x")
        answer = call(sandbox, "GET", "/replays/x")
        header = answer.headers.get("Retry-After")
        assert answer.status_code == 429
        if form == "seconds":
            assert header == "1"
        elif form == "date":
            assert parsedate_to_datetime(header).timestamp() == pytest.approx(clock() + 1, abs=1)
        else:
            assert header is None
            assert answer.content == b""


class TestErrors:
    @pytest.mark.parametrize(
        ("token", "status", "error"),
        [("", 401, "missing API key"), ("wrong", 401, "invalid API key"), (TOKEN, 200, None)],
    )
    def test_of_tokens_are_worded_as_documented(
        self, sandbox: Simulator, token: Any, status: int, error: Any
    ) -> None:
        sandbox.site.configure({"token": TOKEN})
        answer = call(sandbox, "GET", "/", token=token)
        assert (answer.status_code, answer.json().get("error")) == (status, error)

    @pytest.mark.parametrize("name", ["a.txt", "a"])
    def test_of_a_file_that_is_no_replay(self, sandbox: Simulator, name: str) -> None:
        answer = call(sandbox, "POST", "/v2/upload", files={"file": (name, b"x" * 500)})
        assert answer.status_code == 400
        assert answer.json()["error"] == '"file" not a .replay file'

    def test_of_an_unknown_path(self, sandbox: Simulator) -> None:
        assert call(sandbox, "GET", "/no/such/thing").status_code == 404

    def test_of_a_body_without_a_file(self, sandbox: Simulator) -> None:
        assert call(sandbox, "POST", "/v2/upload", data=b"nothing").status_code == 400


class TestBodies:
    def test_are_made_while_nobody_waits_for_them(
        self, api: Any, sandbox: Simulator, make_replay: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A replay that takes long holds up no call, and is pending meanwhile."""
        sandbox.site.configure({"pending_s": [0, 0]})
        making: Future[Any] = Future()
        monkeypatch.setattr(sandbox.site.bodies, "begin", lambda _: making)
        replay_id = api.upload_replay(make_replay().path)["id"]
        assert api.get_replay(replay_id)["status"] == "pending"
        making.set_result({})
        assert api.get_replay(replay_id)["status"] == "ok"

    def settled(self, api: Any, clock: Any, path: Path) -> Any:
        """What the site says of a file when it has parsed it, which takes real time."""
        replay_id = api.upload_replay(path)["id"]

        def look() -> Any:
            clock.sleep(60)
            body = api.get_replay(replay_id)
            return body["status"] != "pending" and body

        return poll(look)

    @pytest.fixture
    def schema(self, shared: Path) -> Any:
        from jsonschema import Draft202012Validator  # noqa: PLC0415

        found = json.loads((shared / "ballchasing" / "replay.schema.json").read_text())
        return Draft202012Validator(found, registry=Registry())

    def test_made_up_ones_have_the_fields_of_real_ones_outside_statistics(
        self, api: Any, clock: Any, make_replay: Make, schema: Any
    ) -> None:
        replay_id = api.upload_replay(make_replay().path)["id"]
        clock.sleep(60)
        missing = [error.message for error in schema.iter_errors(api.get_replay(replay_id))]
        assert all("required property" in text for text in missing), missing

    def test_of_real_files_come_from_the_local_parser(
        self, api: Any, clock: Any, tmp_path: Path
    ) -> None:
        path = write_replay(tmp_path / "match.replay", believable_match(seed=3), frames=60)
        body = self.settled(api, clock, path)
        assert body["status"] == "ok"
        assert not body["blue"]["players"][0]["name"].startswith("blue-")

    def test_of_damaged_files_are_failed(self, api: Any, clock: Any, tmp_path: Path) -> None:
        path = write_replay(tmp_path / "match.replay", believable_match(seed=4), frames=60)
        path.write_bytes(path.read_bytes()[:-500])
        assert self.settled(api, clock, path)["status"] == "failed"


class TestControl:
    def control(self, sandbox: Simulator, method: str, name: str, **body: Any) -> Any:
        url = sandbox.url.removesuffix("api") + "_sim/" + name
        return requests.request(method, url, json=body or None, timeout=30)

    def test_sets_faults_and_options_and_tells_counts(self, sandbox: Simulator) -> None:
        assert self.control(sandbox, "POST", "faults", next=[{"kind": "500"}]).status_code == 204
        assert call(sandbox, "GET", "/").status_code == 500
        assert self.control(sandbox, "POST", "options", tier="gc").status_code == 204
        assert call(sandbox, "GET", "/").json()["type"] == "gc"
        assert self.control(sandbox, "GET", "counts").json()["calls"] == {"ping": 2}

    @pytest.mark.parametrize(
        ("name", "body"),
        [
            ("faults", {"next": [{"kind": "meteor"}]}),
            ("faults", {"rate": 1, "kinds": ["meteor"]}),
            ("options", {"weather": "rain"}),
        ],
    )
    def test_refuses_what_it_does_not_know(self, sandbox: Simulator, name: str, body: Any) -> None:
        assert self.control(sandbox, "POST", name, **body).status_code == 400

    def test_share_of_faults_is_as_wanted(self, sandbox: Simulator, clock: Any) -> None:
        self.control(sandbox, "POST", "faults", rate=0.5, kinds=["500"])
        failed = 0
        for _ in range(100):
            clock.sleep(1)
            failed += call(sandbox, "GET", "/").status_code == 500
        assert 25 <= failed <= 75


class TestCommand:
    def test_tells_its_address_and_serves(self) -> None:
        command = [sys.executable, "-m", "parsekit_ballchasing.simulator", "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3].rstrip(";")
            answer = requests.get(url + "/", headers={"Authorization": "any"}, timeout=30)
            process.terminate()
        assert answer.json()["type"] == "regular"

    def test_that_cannot_listen_says_so(self, sandbox: Simulator) -> None:
        port = sandbox.url.split(":")[2].split("/")[0]
        command = [sys.executable, "-m", "parsekit_ballchasing.simulator", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2
        assert f"can't listen on 127.0.0.1:{port}" in done.stderr
        assert "Traceback" not in done.stderr


def test_faster_clock_shortens_every_window() -> None:
    with Simulator(SiteOptions(), speed=50) as quick:
        for _ in range(6):
            last = call(quick, "GET", "/replays/x").status_code
            if last == 429:
                break
        assert quick.site.clock() > 50e9
