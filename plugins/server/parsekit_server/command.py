"""``parsekit serve`` and its commands."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

#: ``[HOST:]PORT`` of health and metrics, as a worker's.
_ENV_HTTP = "PARSEKIT_HTTP"


def serve(
    host: str | None = None,
    port: int | None = None,
    http: str | None = None,
    config: Path | None = None,
) -> None:
    """Take replays, parse them, and answer as Ballchasing's API does.

    Clients of ballchasing.com use it as http://HOST:PORT/api, with a token that
    parsekit serve token add makes. It speaks Ballchasing's API; it is not affiliated with it.
    --http [HOST:]PORT answers /healthz, /readyz and /metrics.
    """
    from parsekit import open_parsing  # noqa: PLC0415  (help is shown without it)
    from parsekit_server.asgi.serving import run  # noqa: PLC0415
    from parsekit_server.site import open_site  # noqa: PLC0415

    with _ended_in_order(), open_parsing(config) as parsing, open_site(parsing) as site:
        run(
            site,
            host=host or site.settings.host,
            port=site.settings.port if port is None else port,
            monitoring=http or os.environ.get(_ENV_HTTP),
        )


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Let SIGTERM unwind what is open, once; uvicorn raises it again when it has ended."""

    def end(*_: object) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def token_add(
    name: str,
    role: Literal["read", "upload", "admin"] = "upload",
    group: str | None = None,
    config: Path | None = None,
) -> None:
    """Make a token for NAME and print it, once: it is kept as a digest.

    The role read looks, upload adds replays and changes its own, admin may all. With --group ID the
    token, which begins with g/, only uploads into that group; NAME owns what comes in.
    """
    from parsekit import open_session, recorded  # noqa: PLC0415
    from parsekit_server.access import Role  # noqa: PLC0415
    from parsekit_server.catalogue.accounts import Accounts  # noqa: PLC0415
    from parsekit_server.site import open_catalogue  # noqa: PLC0415
    from parsekit_server.tokens import digest, new_token  # noqa: PLC0415

    token = new_token(of_group=group is not None)
    given = Role(role) if group is None else Role.GROUP
    session = open_session(config)
    with recorded(session, "serve token add") as operation, open_catalogue(session) as database:
        Accounts(database).add_token(name, given, digest(token), group_id=group)
        operation.trail.record("written", f"token of {name}: role={given}")
    print(token)  # noqa: T201


def token_list(config: Path | None = None) -> None:
    """List the tokens: number, name, role, when they were made, and when they were revoked."""
    from parsekit import open_session  # noqa: PLC0415
    from parsekit_server.catalogue.accounts import Accounts  # noqa: PLC0415
    from parsekit_server.moments import rfc3339  # noqa: PLC0415
    from parsekit_server.site import open_catalogue  # noqa: PLC0415

    with open_catalogue(open_session(config)) as database:
        tokens = Accounts(database).tokens()
    for each in tokens:
        role = f"group {each.group_id}" if each.group_id else each.role
        ended = f"revoked {rfc3339(each.revoked_us)}" if each.revoked_us is not None else ""
        line = (str(each.id), each.account.name, role, rfc3339(each.created_us), ended)
        print("\t".join(line).rstrip())  # noqa: T201


def token_revoke(token: str, config: Path | None = None) -> None:
    """End a token: TOKEN is its number in the list, or a name for all tokens of that name."""
    from parsekit import open_session, recorded  # noqa: PLC0415
    from parsekit_server.catalogue.accounts import Accounts  # noqa: PLC0415
    from parsekit_server.site import open_catalogue  # noqa: PLC0415

    session = open_session(config)
    with recorded(session, "serve token revoke") as operation, open_catalogue(session) as database:
        ended = Accounts(database).revoke(token)
        if ended:
            operation.trail.record("removed", f"{ended} tokens of {token}")
        else:
            operation.fault = "there is no such token"
    sys.stderr.write(f"revoked: {ended}\n")
    if not ended:
        raise SystemExit(1)


def export(directory: Path, config: Path | None = None) -> None:
    """Write every replay into DIRECTORY: its file, its JSON as the API has it, and the groups.

    Run again, it adds what is new. A server may go on meanwhile. Tokens are not in it: the server
    knows none.
    """
    from parsekit import Folder, open_session, recorded  # noqa: PLC0415
    from parsekit.errors import BadRequest  # noqa: PLC0415
    from parsekit_server.api.bodies import Address  # noqa: PLC0415
    from parsekit_server.catalogue.group_listing import GroupListing  # noqa: PLC0415
    from parsekit_server.catalogue.listing import Listing  # noqa: PLC0415
    from parsekit_server.catalogue.replays import Replays  # noqa: PLC0415
    from parsekit_server.exchange.exporting import Export  # noqa: PLC0415
    from parsekit_server.settings import ServerSettings  # noqa: PLC0415
    from parsekit_server.site import open_store  # noqa: PLC0415

    session = open_session(config)
    settings = session.config.section(ServerSettings)
    with recorded(session, "serve export") as operation, open_store(session) as store:
        everything = Export(
            replays=Replays(store.database),
            listing=Listing(store.database),
            groups=GroupListing(store.database),
            files=store.files,
            address=Address(settings.url or f"http://{settings.host}:{settings.port}"),
        )
        try:
            with Folder.open(directory, make=True) as folder:
                done = everything.write(folder)
        except OSError as error:
            raise BadRequest(f"{directory} can't be written: {error.strerror}") from error
        operation.trail.record("read", f"{done.replays} replays")
    sys.stderr.write(
        f"replays: {done.replays}, of which new files: {done.files}, groups: {done.groups}\n"
    )


def import_replays(
    source: str,
    owner: str,
    token_file: Path | None = None,
    visibility: Literal["public", "unlisted", "private"] = "public",
    group: str | None = None,
    allow_http: bool = False,
    config: Path | None = None,
) -> None:
    """Add replays as uploads of OWNER: every .replay in a folder, or what you uploaded elsewhere.

    SOURCE is a folder, or the address of a Ballchasing API with --token-file, such as
    https://ballchasing.com/api. What is there already is not added again, so that an import that
    was broken off goes on when it is run again. Title and visibility are those that the other site
    or the JSON of parsekit serve export states. A server that runs parses what was added, else the
    next one does. To another machine the token goes over https, unless --allow-http is given.
    """
    from contextlib import closing  # noqa: PLC0415

    from parsekit import open_session, read_secret, recorded  # noqa: PLC0415
    from parsekit.errors import BadRequest  # noqa: PLC0415
    from parsekit_server.access import Visibility  # noqa: PLC0415
    from parsekit_server.catalogue.accounts import Accounts  # noqa: PLC0415
    from parsekit_server.catalogue.groups import Groups  # noqa: PLC0415
    from parsekit_server.catalogue.replays import Replays  # noqa: PLC0415
    from parsekit_server.exchange.importing import DoneList, Importer  # noqa: PLC0415
    from parsekit_server.exchange.remote_site import RemoteSite  # noqa: PLC0415
    from parsekit_server.site import open_store  # noqa: PLC0415

    site = None
    if source.startswith(("http://", "https://")):
        if token_file is None:
            raise BadRequest("--token-file is missing; name a file with your token of that site")
        token = read_secret(token_file, "--token-file").get_secret_value()
        site = RemoteSite(source, token, allow_http=allow_http)
    elif not Path(source).is_dir():
        raise BadRequest(f"{source} is no folder; name one with replays in it, or an address")
    session = open_session(config)
    with recorded(session, "serve import") as operation, open_store(session) as store:
        if group is not None:
            Groups(store.database).find(group)
        importer = Importer(
            replays=Replays(store.database),
            files=store.files,
            owner=Accounts(store.database).operator(owner),
            visibility=Visibility(visibility),
            group_id=group,
            report=lambda line: print(line, file=sys.stderr),  # noqa: T201
        )
        if site is None:
            importer.add_folder(Path(source))
        else:
            with (
                store.folder.below("imports", make=True) as folder,
                closing(DoneList(folder, source)) as done,
            ):
                importer.add_site(site, done)
        operation.trail.record("written", f"uploads of {owner}: {importer.count}")
    sys.stderr.write(f"{importer.count}\n")
    if importer.count.refused:
        raise SystemExit(1)
