"""Make the passwords of a deployment, and the files in which each side wants them.

Three folders come out: what a worker reads, what callers get, and what the servers read. The
servers get hashes where they can do with them. ``compose.env`` tells compose the group that may
read the first two. Nothing is printed, and nothing is overwritten.
Needs nothing but Python.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

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
SEAWEEDFS_WRITES = {"worker": "Write:replays/parsed/*", "caller": "Write:replays/replays/*"}

Passwords = Mapping[str, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Answer an exit code: 1 when there are secrets already."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, default=FOLDER, help="default: %(default)s")
    parser.add_argument("--ballchasing-token", type=Path, help="file with the token of the API")
    chosen = parser.parse_args(arguments)
    if chosen.folder.exists():
        return _fail(f"{chosen.folder} exists; remove it to make new secrets, and restart it all")
    try:
        token = _token(chosen.ballchasing_token)
    except OSError as exc:
        return _fail(f"{chosen.ballchasing_token}: {(exc.strerror or '').lower()}")
    for name, text in _files(token).items():
        _write(chosen.folder / name, text)
    return 0


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
        "caller/rabbitmq_url": f"amqp://caller:{rabbitmq['caller']}@rabbitmq:5672",
        "servers/valkey.acl": _valkey(valkey),
        "servers/rabbitmq_definitions.json": json.dumps(_rabbitmq(rabbitmq), indent=2),
        "servers/seaweedfs.json": json.dumps(_seaweedfs(keys, s3), indent=2),
    }
    for role in ROLES:
        files[f"{role}/celery_url"] = f"redis://{USERS[role]}:{valkey[role]}@valkey:6379/0"
        files[f"{role}/minio_access_key"] = keys[role]
        files[f"{role}/minio_secret_key"] = s3[role]
    return files


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
            "actions": ["Read:replays", "List:replays", SEAWEEDFS_WRITES[role]],
        }
        for role in ROLES
    ]
    return {"identities": identities}


def _write(path: Path, text: str) -> None:
    """Write one secret; none is ever open to others on this machine, as the folder bars them.

    The servers drop every group but their own before they read: theirs are for all in a container.
    """
    path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    path.write_text(text + "\n")
    path.chmod(0o444 if path.parent.name == "servers" else 0o440)


def _fail(message: str) -> int:
    sys.stderr.write(f"make_secrets: {message}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
