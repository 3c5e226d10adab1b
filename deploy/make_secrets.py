"""Make the passwords and certificates of a deployment, and the files in which each side wants them.

Three folders come out: what a worker reads, what callers get, and what the servers read. The
servers get hashes where they can do with them. A fourth, ``authority``, is read by nobody but
``--renew``, which replaces the certificates of the servers before they expire. ``compose.env``
tells compose the group that may read the first two. Nothing is printed; but for ``--renew``
nothing is overwritten; what fails leaves nothing behind.

Needs Python and the command ``openssl``, and nothing else.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from certificates import (
    AUTHORITY,
    AUTHORITY_KEY,
    SERVERS,
    CertificatesFailed,
    certify,
    make_authority,
    make_key,
)

FOLDER = Path(__file__).parent / "secrets"
#: Roles that connect: the workers, and those who send tasks and upload replays.
ROLES = ("worker", "caller")
#: The name of each role at the servers.
USERS = {"worker": "parsekit", "caller": "caller"}
#: A task of Celery is data and scripts; nobody needs to look after the server.
VALKEY_RULES = "~* &* +@all -@admin -@dangerous +info"
#: Everything a role does at RabbitMQ: workers publish only.
RABBITMQ_READS = {"worker": "^$", "caller": ".*"}
#: SeaweedFS's actions, as the README of parsekit-storage-minio has them.
#: Callers' libraries ask where the bucket is, which is to read it.
SEAWEEDFS_READS = {
    "worker": ("Read:replays/replays/*", "Read:replays/parsed/*"),
    "caller": ("Read:replays",),
}
SEAWEEDFS_WRITES = {"worker": "Write:replays/parsed/*", "caller": "Write:replays/replays/*"}

#: Who reads the files of a folder; those of a role are for the group too.
MODES = {"servers": 0o444, "authority": 0o400}

Passwords = Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer an exit code: 1 when there are secrets already, or they could not be made."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--ballchasing-token", type=Path, help="file with the token of the API")
    parser.add_argument(
        "--renew", action="store_true", help="only replace the certificates of the servers"
    )
    chosen = parser.parse_args(arguments)
    try:
        if chosen.renew:
            _renew(chosen.folder)
        else:
            _make(chosen.folder, chosen.ballchasing_token)
    except (CertificatesFailed, FileExistsError) as exc:
        return _fail(str(exc))
    except OSError as exc:
        return _fail(f"{exc.filename}: {(exc.strerror or '').lower()}")
    return 0


def _make(folder: Path, token_file: Path | None) -> None:
    if folder.exists():
        raise FileExistsError(f"{folder} exists; remove it to make new secrets, and restart it all")
    files = _files(_token(token_file))
    with _whole_or_not_at_all(folder) as new:
        for name, text in files.items():
            _write(new / name, text + "\n")
        _certify(new)


@contextmanager
def _whole_or_not_at_all(folder: Path) -> Iterator[Path]:
    """A folder to fill, which takes its place when that went well and is removed when not.

    It is filled on the same disk, below a name that ``.gitignore`` has.
    """
    ground = next(parent for parent in folder.absolute().parents if parent.is_dir())
    with TemporaryDirectory(dir=ground, prefix=".unfinished-") as unfinished:
        new = Path(unfinished) / "secrets"
        new.mkdir(mode=0o700)
        yield new
        folder.parent.mkdir(parents=True, exist_ok=True)
        new.rename(folder)


def _certify(folder: Path) -> None:
    """Make the authority, give everybody its certificate, and each server one of its own."""
    authority, servers = folder / "authority", folder / "servers"
    authority.mkdir(mode=0o700)
    make_authority(authority)
    for side in (*ROLES, "servers"):
        _write(folder / side / AUTHORITY, (authority / AUTHORITY).read_text())
    for server in SERVERS:
        key, certificate = (servers / f"{server}.{end}" for end in ("key", "pem"))
        make_key(key)
        certify(server, key, authority=authority, certificate=certificate)
        _guard(key)
        _guard(certificate)
    for path in authority.iterdir():
        _guard(path)


def _renew(folder: Path) -> None:
    """Make all certificates first: each then takes the place of the old one at once."""
    authority, servers = folder / "authority", folder / "servers"
    if not (authority / AUTHORITY_KEY).is_file():
        raise CertificatesFailed(f"{authority} has no key to sign with; put it back for this")
    with TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        new = Path(unfinished) / "servers"
        new.mkdir()
        for server in SERVERS:
            key, certificate = servers / f"{server}.key", new / f"{server}.pem"
            certify(server, key, authority=authority, certificate=certificate)
            _guard(certificate)
        for certificate in new.iterdir():
            certificate.replace(servers / certificate.name)


def _token(file: Path | None) -> str:
    """The simulator takes any token; ballchasing.com says `unauthorized` to this one."""
    return file.read_text().strip() if file else "for-the-simulator-only"


def _files(token: str) -> dict[str, str]:
    valkey, rabbitmq, s3 = ({role: secrets.token_urlsafe(32) for role in ROLES} for _ in range(3))
    keys = {role: secrets.token_hex(10).upper() for role in ROLES}
    files = {
        "compose.env": f"SECRETS_GID={os.getgid()}",
        "worker/rabbitmq_password": rabbitmq["worker"],
        "worker/ballchasing_token": token,
        "worker/provenance_key": secrets.token_hex(32),
        "caller/rabbitmq_url": f"amqps://caller:{rabbitmq['caller']}@rabbitmq:5671",
        "servers/valkey.acl": _valkey(valkey),
        "servers/rabbitmq_definitions.json": json.dumps(_rabbitmq(rabbitmq), indent=2),
        "servers/seaweedfs.json": json.dumps(_seaweedfs(keys, s3), indent=2),
    }
    for role in ROLES:
        files[f"{role}/celery_url"] = _celery_url(USERS[role], valkey[role])
        files[f"{role}/minio_access_key"] = keys[role]
        files[f"{role}/minio_secret_key"] = s3[role]
    return files


def _celery_url(user: str, password: str) -> str:
    """Celery takes no ``rediss`` that doesn't say whether certificates are checked."""
    return f"rediss://{user}:{password}@valkey:6379/0?ssl_cert_reqs=required"


def _valkey(passwords: Passwords) -> str:
    """Who does not log in may ask whether the server lives, as the health check does."""
    lines = ["user default on nopass resetkeys resetchannels -@all +ping"]
    for role, password in passwords.items():
        digest = hashlib.sha256(password.encode()).hexdigest()
        lines.append(f"user {USERS[role]} on #{digest} {VALKEY_RULES}")
    return "\n".join(lines)


def _rabbitmq(passwords: Passwords) -> dict[str, object]:
    users = [
        {
            "name": USERS[role],
            "password_hash": _rabbitmq_hash(password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": [],
        }
        for role, password in passwords.items()
    ]
    permissions = [
        {
            "user": USERS[role],
            "vhost": "/",
            "configure": ".*",
            "write": ".*",
            "read": RABBITMQ_READS[role],
        }
        for role in passwords
    ]
    return {"vhosts": [{"name": "/"}], "users": users, "permissions": permissions}


def _rabbitmq_hash(password: str) -> str:
    """Salt and digest, as https://www.rabbitmq.com/docs/passwords describes them."""
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _seaweedfs(keys: Passwords, secret_keys: Passwords) -> dict[str, object]:
    identities = [
        {
            "name": USERS[role],
            "credentials": [{"accessKey": keys[role], "secretKey": secret_keys[role]}],
            "actions": [*SEAWEEDFS_READS[role], "List:replays", SEAWEEDFS_WRITES[role]],
        }
        for role in ROLES
    ]
    return {"identities": identities}


def _write(path: Path, text: str) -> None:
    """Write one file; none is ever open to others on this machine, as the folder bars them."""
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(text)
    _guard(path)


def _guard(path: Path) -> None:
    """Say who reads a file.

    The servers drop every group but their own before they read: theirs are for all in a container.
    """
    path.chmod(MODES.get(path.parent.name, 0o440))


def _fail(message: str) -> int:
    sys.stderr.write(f"make_secrets: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
