"""Import and export: in bulk, beside a server or without one, and again after a break."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devkit.command_line import CommandLine
from parsekit import Folder, open_session
from parsekit.errors import BadRequest
from parsekit.testing import believable_match, synthetic_replay
from parsekit_server.access import Visibility
from parsekit_server.api.bodies import Address
from parsekit_server.errors import SiteUnavailable
from parsekit_server.exchange.exporting import Export, ExportCount
from parsekit_server.exchange.importing import DoneList, ImportCount, Importer
from parsekit_server.exchange.remote_site import RemoteSite
from parsekit_server.site import ReplayStore, open_store

from .browsing import titles, visitor
from .filling import fill
from .running import Client, FakeParsing, RunningServer, replay_bytes, running_server
from .test_uploads import files_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three replays, one of them in a folder below, and what is none."""
    folder = tmp_path / "demos"
    (folder / "old").mkdir(parents=True)
    for name, content in {
        "one.replay": replay_bytes(1),
        "old/two.replay": replay_bytes(2),
        "old/three.replay": replay_bytes(3),
        "notes.txt": b"hello",
    }.items():
        (folder / name).write_bytes(content)
    return folder


def imported(
    server: RunningServer, folder: Path, owner: str = "ann", **changes: str
) -> tuple[ImportCount, list[str]]:
    """Import a folder beside a server; what came of it, and what was said."""
    said: list[str] = []
    with open_store(server.parsing.session) as store:
        importer = importing(server, store, said, owner, **changes)
        importer.add_folder(folder)
    return importer.count, said


def importing(
    server: RunningServer, store: ReplayStore, said: list[str], owner: str, **changes: str
) -> Importer:
    """What imports into this server."""
    return Importer(
        replays=server.site.replays,
        files=store.files,
        owner=server.site.accounts.operator(owner),
        visibility=Visibility(changes.get("visibility", "public")),
        group_id=changes.get("group"),
        report=said.append,
    )


def exported(server: RunningServer, folder: Path) -> ExportCount:
    """Export beside a server."""
    with open_store(server.parsing.session) as store, Folder.open(folder, make=True) as into:
        everything = Export(
            replays=server.site.replays,
            listing=server.site.listing,
            groups=server.site.group_listing,
            files=store.files,
            address=Address(server.root),
        )
        return everything.write(into)


def test_a_folder_is_added_beside_a_server_which_parses_it(
    server: RunningServer, client: Client, folder: Path
) -> None:
    count, said = imported(server, folder, owner="me", visibility="private")
    assert (count, said) == (ImportCount(added=3), [])
    page = client.get("/replays", uploader="me")
    assert page["count"] == 3
    for each in page["list"]:
        shown = client.wait(each["id"])
        assert (shown["status"], shown["visibility"]) == ("ok", "private")


def test_an_import_that_is_run_again_adds_what_is_missing(
    server: RunningServer, folder: Path
) -> None:
    (folder / "late").mkdir()
    content = (folder / "one.replay").read_bytes()
    assert imported(server, folder)[0] == ImportCount(added=3)
    (folder / "late" / "four.replay").write_bytes(replay_bytes(4))
    (folder / "late" / "copy.replay").write_bytes(content)
    assert imported(server, folder)[0] == ImportCount(added=1, known=4)
    assert len(files_of(server)) == 4


def test_another_recording_of_a_match_is_not_added(server: RunningServer, folder: Path) -> None:
    match = believable_match(seed=1)
    (folder / "one.replay").write_bytes(synthetic_replay(match, frames=0))
    (folder / "other.replay").write_bytes(synthetic_replay(match, frames=10))
    assert imported(server, folder)[0] == ImportCount(added=3, known=1)


def test_what_is_no_replay_is_named_and_the_rest_is_added(
    server: RunningServer, folder: Path
) -> None:
    (folder / "broken.replay").write_bytes(b"no replay")
    (folder / "gone.replay").symlink_to("nowhere")
    count, said = imported(server, folder)
    assert count == ImportCount(added=3, refused=1)
    assert [line.partition(": ")[0] for line in said] == [str(folder / "broken.replay")]
    assert len(files_of(server)) == 3


def test_replays_are_added_to_a_group(server: RunningServer, client: Client, folder: Path) -> None:
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    assert imported(server, folder, group=group)[0] == ImportCount(added=3)
    assert client.get("/replays", group=group)["count"] == 3
    count, said = imported(server, folder, group="none")
    assert (count.known, said) == (3, [])


def test_an_export_has_files_bodies_and_groups(
    server: RunningServer, client: Client, tmp_path: Path
) -> None:
    group = client.call("POST", "/groups", json={"name": "League"}).json()["id"]
    made = {
        client.uploaded(replay_bytes(n), visibility=visibility, group=group): replay_bytes(n)
        for n, visibility in enumerate(Visibility)
    }
    assert exported(server, tmp_path / "out") == ExportCount(replays=3, files=3, groups=1)
    for replay_id, content in made.items():
        assert (tmp_path / "out" / f"{replay_id}.replay").read_bytes() == content
        written = json.loads((tmp_path / "out" / f"{replay_id}.json").read_text())
        assert written == client.get(f"/replays/{replay_id}")
    (written,) = json.loads((tmp_path / "out" / "groups.json").read_text())["list"]
    assert (written["id"], written["creator"]["name"]) == (group, "me")


def test_an_export_that_is_run_again_adds_what_is_new(
    server: RunningServer, client: Client, tmp_path: Path
) -> None:
    first = client.uploaded(replay_bytes(1))
    exported(server, tmp_path)
    (tmp_path / f"{first}.replay").write_bytes(b"cut")
    client.uploaded(replay_bytes(2))
    client.call("PATCH", f"/replays/{first}", json={"title": "Final"})
    assert exported(server, tmp_path) == ExportCount(replays=2, files=2, groups=0)
    assert (tmp_path / f"{first}.replay").read_bytes() == replay_bytes(1)
    assert json.loads((tmp_path / f"{first}.json").read_text())["title"] == "Final"
    assert exported(server, tmp_path) == ExportCount(replays=2, files=0, groups=0)


def test_an_export_longer_than_a_page_is_whole(
    server: RunningServer, client: Client, tmp_path: Path
) -> None:
    fill(server.parsing.session, 205)
    assert exported(server, tmp_path) == ExportCount(replays=205, files=0, groups=0)


def test_what_was_exported_comes_back_with_title_and_visibility(
    server: RunningServer, client: Client, tmp_path: Path
) -> None:
    replay_id = client.uploaded(replay_bytes(), visibility="private")
    client.call("PATCH", f"/replays/{replay_id}", json={"title": "The final"})
    exported(server, tmp_path)
    client.call("DELETE", f"/replays/{replay_id}")
    assert imported(server, tmp_path, owner="me")[0] == ImportCount(added=1)
    (again,) = client.get("/replays")["list"]
    shown = client.wait(again["id"])
    assert (shown["title"], shown["visibility"]) == ("The final", "private")
    assert titles(visitor(server.client("he")).see()) == []


@pytest.mark.parametrize("text", ["", "[]", '{"title": 5, "visibility": "all"}', "[" * 100_000])
def test_other_json_beside_a_replay_says_nothing(
    server: RunningServer, client: Client, tmp_path: Path, text: str
) -> None:
    (tmp_path / "one.replay").write_bytes(replay_bytes())
    (tmp_path / "one.json").write_text(text)
    assert imported(server, tmp_path, visibility="private", owner="me")[0].added == 1
    (found,) = client.get("/replays")["list"]
    assert found["visibility"] == "private"


def test_a_server_that_begins_leaves_an_import_its_draft(parsing: FakeParsing) -> None:
    with open_store(parsing.session) as store, store.files.receive("a" * 8) as draft:
        draft.write(b"half")
        with running_server(parsing) as server:
            assert len(files_of(server)) == 1
        draft.write(b"whole")
        draft.keep()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[RunningServer]:
    """Another server, with a data folder of its own."""
    config = tmp_path / "elsewhere.json"
    config.write_text("{}")
    parsing = FakeParsing(open_session(config, data_dir=tmp_path / "elsewhere"))
    parsing.may_go.set()
    with running_server(parsing) as server:
        yield server


def fetched(server: RunningServer, site: RemoteSite) -> ImportCount:
    """Import from another site."""
    with (
        open_store(server.parsing.session) as store,
        store.folder.below("imports", make=True) as folder,
        closing(DoneList(folder, "elsewhere")) as done,
    ):
        importer = importing(server, store, [], "me")
        importer.add_site(site, done)
    return importer.count


def test_own_replays_of_another_site_are_fetched_once(
    server: RunningServer, client: Client, elsewhere: RunningServer
) -> None:
    theirs = elsewhere.client("me")
    for number, visibility in enumerate(Visibility):
        replay_id = theirs.uploaded(replay_bytes(number), visibility=visibility)
        theirs.call("PATCH", f"/replays/{replay_id}", json={"title": f"It is {visibility}"})
    elsewhere.client("other").uploaded(replay_bytes(9))
    site = RemoteSite(theirs.api, theirs.token)
    assert fetched(server, site) == ImportCount(added=3)
    found = client.get("/replays", uploader="me")["list"]
    assert {each["replay_title"]: each["visibility"] for each in found} == {
        f"It is {visibility}": visibility for visibility in Visibility
    }
    for path in (elsewhere.parsing.session.data_dir / "server" / "replays").rglob("*.replay"):
        path.unlink()  # whoever asks for a file again is refused
    assert fetched(server, site) == ImportCount(known=3)


def test_lists_of_another_site_are_read_to_their_end(
    server: RunningServer, elsewhere: RunningServer
) -> None:
    theirs = elsewhere.client("me")
    fill(elsewhere.parsing.session, 205)
    site = RemoteSite(theirs.api, theirs.token)
    assert len({replay.id for replay in site.own_replays()}) == 205
    assert fetched(server, site) == ImportCount(refused=205), "their files are gone"


@contextmanager
def troubled(*answers: tuple[int, dict[str, str], bytes]) -> Iterator[tuple[str, list[str]]]:
    """A site that gives these answers in turn; its address, and the tokens that came."""
    waiting, tokens = list(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.append(self.headers.get("Authorization", ""))
            status, headers, content = waiting.pop(0)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    site = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{site.server_port}", tokens
    finally:
        site.shutdown()
        site.server_close()
        thread.join()


EMPTY = (200, {}, b'{"list": []}')


def test_a_site_that_asks_for_patience_gets_it() -> None:
    waits: list[float] = []
    busy = (429, {"Retry-After": "7"}, b"")
    with troubled(busy, (503, {}, b""), EMPTY) as (root, _):
        site = RemoteSite(root, "t", sleep=waits.append)
        assert list(site.own_replays()) == []
    assert waits == [7, 8]


@pytest.mark.parametrize(
    "answers",
    [
        [(500, {}, b"")] * 6,
        [(401, {}, b"")],
        [(200, {}, b"<html>")],
        [(200, {}, b"[" * 100_000)],
        [(404, {}, b"")],
    ],
)
def test_a_site_that_goes_on_failing_is_named(
    answers: list[tuple[int, dict[str, str], bytes]],
) -> None:
    with troubled(*answers) as (root, _):
        site = RemoteSite(root, "t", sleep=lambda _: None)
        with pytest.raises(SiteUnavailable, match=re.escape(root)):
            list(site.own_replays())


def test_nobody_at_the_address_is_named() -> None:
    site = RemoteSite("http://127.0.0.1:9", "t", sleep=lambda _: None)
    with pytest.raises(SiteUnavailable, match="can't be reached"):
        list(site.own_replays())


def test_the_token_goes_to_no_other_site() -> None:
    with troubled((200, {}, b"the file")) as (store, tokens):
        following = f'{{"list": [], "next": "{store}/replays?after=x"}}'.encode()
        moved = (302, {"Location": f"{store}/file"}, b"")
        with troubled((200, {}, following), EMPTY, moved) as (root, own):
            site = RemoteSite(root, "secret")
            assert list(site.own_replays()) == []
            assert b"".join(site.file("a") or ()) == b"the file"
    assert own == ["secret"] * 3
    assert tokens == [""]


@pytest.mark.parametrize("root", ["file:///etc/passwd", "http://", "https://host/api?x=1", "host"])
def test_an_address_that_is_none_is_refused(root: str) -> None:
    with pytest.raises(BadRequest, match="is no address of an API"):
        RemoteSite(root, "t")


@pytest.mark.parametrize("host", ["192.0.2.1", "host.example", "localhost.example"])
def test_a_token_goes_unencrypted_to_no_other_machine_unless_told(host: str) -> None:
    with pytest.raises(BadRequest, match="would get the token unencrypted"):
        RemoteSite(f"http://{host}/api", "t")
    RemoteSite(f"http://{host}/api", "t", allow_http=True)
    for safe in (f"https://{host}/api", "http://127.0.0.1:9/api", "http://[::1]:9/api"):
        RemoteSite(safe, "t")


def test_commands_import_and_export(
    command_line: CommandLine, tmp_path: Path, folder: Path
) -> None:
    done = command_line.run("serve", "import", str(folder), "ann")
    assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (
        0,
        "added: 3, there already: 0, refused: 0",
    )
    done = command_line.run("serve", "export", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    names = [path.suffix for path in (tmp_path / "out").iterdir()]
    assert sorted(names) == [".json"] * 4 + [".replay"] * 3
    (folder / "none.replay").write_bytes(b"no replay")
    assert command_line.run("serve", "import", str(folder), "ann").returncode == 1
    assert command_line.run("serve", "import", str(tmp_path / "nowhere"), "ann").returncode == 2
    done = command_line.run("serve", "import", "https://127.0.0.1/api", "ann")
    assert (done.returncode, b"--token-file" in done.stderr) == (2, True)
