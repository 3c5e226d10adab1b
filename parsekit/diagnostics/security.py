"""What ``parsekit doctor --security`` looks at: how this machine and configuration are guarded.

Nothing here connects to a server: it judges settings, files and the sandbox of parsers.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qs, unquote

from pydantic import SecretStr

from parsekit.config import CelerySettings, Config, FolderSettings, ProvenanceSettings, Section
from parsekit.config.secret import exposed_to, read_secret
from parsekit.config.urls import addresses_in, parts_of
from parsekit.config.weak_secret import weakness
from parsekit.diagnostics.doctor import without_secrets
from parsekit.errors import ParsekitError
from parsekit.host.discovery import reason_of
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.parsers.isolation.sandbox import missing_layers, newer_than_known
from parsekit.parsers.isolation.selftest import attempts_that_work
from parsekit.providers import Check, ParserEntry
from parsekit.storage.signing import HOW_TO_SIGN, OWN_KEY_FILE, UNSIGNED, Signer, is_folder_here

#: Schemes whose clients encrypt, and check whom they talk to, unless options say otherwise.
_ENCRYPTED = frozenset(
    ("rediss", "amqps", "https", "s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "sftp", "ssh")
)
#: Schemes of what is on this machine, or makes no connection of its own.
_HERE = frozenset(("file", "local", "memory", "redis+socket"))
#: What to write instead of some of the others; without a host all of them mean this machine.
_WITH_TLS = {
    "redis": "rediss",
    "amqp": "amqps",
    "pyamqp": "amqps",
    "http": "https",
    "ftp": "sftp",
}
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_TRUE = frozenset(("true", "1", "t", "y", "yes", "on"))
_SECRET_FILE = re.compile(
    r"(token|secret|password|passwd|(?<!access_)key|broker|backend|credential).*_files?$"
)
_MAKE_ONE = "make one with `openssl rand -hex 32`"


def security_checks(session: Session, host: Host) -> list[Check]:
    """Every finding, good and bad."""
    found = [
        *_configuration_files(session.config),
        *_connections(session.config),
        *_remote_control(session.config),
        *_secret_files(session.config),
        *_passwords(session.config),
        *_sandbox(session.config, host),
        _provenance(session),
        _user(),
        *_folders(session),
    ]
    return [without_secrets(check) for check in found]


def _configuration_files(config: Config) -> Iterator[Check]:
    """Who writes a configuration may do all that this user may."""
    files = sorted({origin for origin in config.origins.values() if not origin.startswith("$")})
    for file in files:
        found = Path(file).stat()
        if found.st_uid not in (os.geteuid(), 0):
            detail, advice = f"{file} belongs to user {found.st_uid}", "name a file of your own"
        elif found.st_mode & _OTHERS_WRITE:
            detail, advice = f"others can write to {file}", f"chmod go-w {file}"
        else:
            yield Check(name="configuration", ok=True, detail=file)
            continue
        yield Check(name="configuration", ok=False, detail=detail, advice=advice)


def _remote_control(config: Config) -> Iterator[Check]:
    if config.section(CelerySettings).remote_control:
        detail = "celery.remote_control has workers obey whoever can write to the broker"
        advice = "leave it out, unless an operator stops or throttles workers through Celery"
        yield Check(name="remote commands", ok=None, detail=detail, advice=advice)


# connections


def _connections(config: Config) -> Iterator[Check]:
    for key, value in _texts(config):
        urls = addresses_in(value)
        for number, url in enumerate(urls, 1):
            yield _connection(f"{key} ({number} of {len(urls)})" if len(urls) > 1 else key, url)
    for name, section in config.sections.items():
        host, secure = getattr(section, "hostname", None), getattr(section, "secure", None)
        if host and "://" not in host:
            yield _connection(f"{name}.hostname", f"{'https' if secure else 'http'}://{host}")


def _connection(key: str, url: str) -> Check:
    name, parts = f"tls {key}", parts_of(url if "://" in url else "")
    if parts is None or not parts.scheme:
        which = "that can't be read" if parts is None else "without a scheme"
        return _not_known(name, f"an address {which}")
    shown = f"{parts.scheme}://{parts.hostname or ''}"
    if weakness := _weakness(parse_qs(parts.query.lower())):
        option, happens = weakness
        advice = f"take {option} out of the address, and name the authority in celery.ca_file"
        return Check(name=name, ok=False, detail=f"{shown} {happens}", advice=advice)
    better = _WITH_TLS.get(parts.scheme)
    host = parts.hostname or ("localhost" if better else "")
    if parts.scheme in _ENCRYPTED | _HERE or _stays_here(host):
        return Check(name=name, ok=True, detail=shown)
    if better is None:
        return _not_known(name, shown)
    advice = f"use {better}://; see docs/security.md"
    return Check(name=name, ok=False, detail=f"{shown} is not encrypted", advice=advice)


def _not_known(name: str, shown: str) -> Check:
    advice = "use an address that is, or a network where nobody else listens; see docs/security.md"
    return Check(name=name, ok=False, detail=f"{shown} is not known to be encrypted", advice=advice)


def _weakness(options: dict[str, list[str]]) -> tuple[str, str] | None:
    """The option of a Redis address that gives up what TLS is for, and what happens with it."""
    if any("none" in value for value in options.get("ssl_cert_reqs", ())):
        return "ssl_cert_reqs", "takes any certificate"
    if set(options.get("ssl_check_hostname", ())) - _TRUE:
        return "ssl_check_hostname", "takes a certificate of any host"
    return None


def _stays_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# secrets


def _secret_files(config: Config) -> Iterator[Check]:
    files = [*_named_files(config)]
    named = {key for key, _ in files}
    for name, section in config.sections.items():
        try:
            files += [each for each in _found_files(name, section) if each[0] not in named]
        except Exception as exc:  # noqa: BLE001  (a plugin may raise anything; it becomes a line)
            advice = "this is a fault of its plugin: report it to the plugin's author"
            yield Check(name=f"secrets of {name}", ok=False, detail=reason_of(exc), advice=advice)
    for key, path in files:
        yield _secret_file(key, path)
    for folder in dict.fromkeys(path.parent for _, path in files):
        yield from _folder_of_secrets(folder)


def _named_files(config: Config) -> Iterator[tuple[str, Path]]:
    for key, value in _values(config):
        if not _SECRET_FILE.search(key):
            continue
        for path in value if isinstance(value, tuple) else (value,):
            if path is not None:
                yield key, Path(path).expanduser()


def _found_files(name: str, section: object) -> list[tuple[str, Path]]:
    """What a section reads without a setting, as far as it is there and holds a secret."""
    files = section.secret_files() if isinstance(section, Section) else {}
    secret = {key: path for key, path in files.items() if _SECRET_FILE.search(key)}
    return [(f"{name}.{key}", path) for key, path in secret.items() if _is_there(path)]


def _is_there(path: Path) -> bool:
    """As far as we can see, and so read it."""
    try:
        return path.exists()
    except PermissionError:
        return False


def _secret_file(key: str, path: Path) -> Check:
    name = f"secret {key}"
    try:
        found = path.stat()
    except OSError as exc:
        detail = f"{path}: {(exc.strerror or 'not found').lower()}"
        return Check(name=name, ok=False, detail=detail, advice="does the file exist?")
    if not stat.S_ISREG(found.st_mode):
        advice = "name the file that holds the secret"
        return Check(name=name, ok=False, detail=f"{path} is no file", advice=advice)
    if others := exposed_to(found):
        detail = f"{path} can be read by {others}"
        return Check(name=name, ok=False, detail=detail, advice=f"chmod 600 {path}")
    if wrong := _weakness_of(path, key):
        return Check(name=name, ok=False, detail=f"what {path} holds {wrong}", advice=_MAKE_ONE)
    return Check(name=name, ok=True, detail=str(path))


def _weakness_of(path: Path, key: str) -> str:
    """Of a file with a whole address the password is judged with the other addresses."""
    try:
        secret = read_secret(path, key).get_secret_value()
    except ParsekitError:
        return ""  # whoever needs it says so
    return "" if "://" in secret else weakness(secret)


def _folder_of_secrets(folder: Path) -> Iterator[Check]:
    """Who can write to a folder puts other files in place of ours, unless it is sticky as /tmp."""
    name = "folder of secrets"
    try:
        mode = folder.stat().st_mode
    except OSError:
        return  # its files have reported that
    if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        detail = f"everybody can put other secrets into {folder}"
        yield Check(name=name, ok=False, detail=detail, advice=f"chmod o-w {folder}")
    else:
        yield Check(name=name, ok=True, detail=str(folder))


def _passwords(config: Config) -> Iterator[Check]:
    """Passwords of addresses: who guesses them, and who reads those in the configuration itself."""
    for key, value in _texts(config):
        addresses = [*map(parts_of, addresses_in(value))]
        if weak := next(filter(None, map(_weak_password, addresses)), ""):
            detail = f"a password of {key} {weak}"
            yield Check(name=f"strength of {key}", ok=False, detail=detail, advice=_MAKE_ONE)
        origin = config.origins.get(key, "")
        # Of an address that can't be read nobody knows.
        has_password = any(parts is None or parts.password for parts in addresses)
        if not has_password or not origin or origin.startswith("$"):
            continue
        name, others = f"password in {key}", exposed_to(Path(origin).stat())
        if others:
            detail = f"{origin} can be read by {others}"
            advice = f"chmod 600 {origin}, or move the address to a file of its own"
            yield Check(name=name, ok=False, detail=detail, advice=advice)
        else:
            yield Check(name=name, ok=True, detail=f"{origin} is private")


def _weak_password(parts: SplitResult | None) -> str:
    if parts is None or not parts.password:
        return ""
    return weakness(unquote(parts.password), unquote(parts.username or ""))


# the rest


def _sandbox(config: Config, host: Host) -> Iterator[Check]:
    reasons = "; ".join(map(str, missing_layers()))
    try:
        attempts = attempts_that_work(config.limits.parse_memory)
    except ParsekitError as error:
        yield Check(name="sandbox", ok=False, detail=error.message, advice="does Python start?")
        return
    for attempt, works in attempts.items():
        detail = f"a parser can {attempt}" if works else f"no parser can {attempt}"
        advice = f"{reasons or 'the sandbox is not whole'}; see docs/security.md" if works else ""
        yield Check(name="sandbox", ok=not works, detail=detail, advice=advice)
    for name in dict.fromkeys((config.host.parser, *config.host.fallback, config.host.shadow)):
        if name is not None and name in host.parsers:
            yield _confinement(host.parser_entry(name))
    if newer := newer_than_known():
        advice = "read what it added: a strict parser is safe from it, a standard one may not be"
        yield Check(name="sandbox", ok=None, detail=newer, advice=advice)


def _confinement(entry: ParserEntry) -> Check:
    how = {
        "remote": "runs in the worker's own process, and no native code reads the replay there",
        "strict": "makes only the system calls on a list",
        "standard": "makes all system calls but those that are known to do harm",
    }
    kind = entry.confinement if entry.runs == "local" else "remote"
    return Check(name=f"parser {entry.name}", ok=True, detail=how[kind])


def _provenance(session: Session) -> Check:
    name, config = "signed results", session.config
    if config.section(ProvenanceSettings).key_file is None:
        if is_folder_here(config):
            return _own_key(name, session)
        return Check(name=name, ok=False, detail=UNSIGNED, advice=HOW_TO_SIGN)
    try:
        signer = Signer.of(config)
    except ParsekitError as error:
        return Check(name=name, ok=False, detail=error.message, advice="the worker won't start so")
    previous = len(signer.keys) - 1 if signer else 0
    return Check(name=name, ok=True, detail=f"one key in use, {previous} before it are accepted")


def _own_key(name: str, session: Session) -> Check:
    """It is only looked for: whoever signs first makes it."""
    path = session.data_dir / OWN_KEY_FILE
    try:
        others = exposed_to(path.stat())
    except OSError:
        return Check(name=name, ok=True, detail=f"{path} is made when it is needed")
    if others:
        detail = f"{path} can be read by {others}, who can forge results"
        return Check(name=name, ok=False, detail=detail, advice=f"chmod 600 {path}")
    return Check(name=name, ok=True, detail=f"with a key of this data folder's own, {path}")


def _user() -> Check:
    root = os.geteuid() == 0
    detail = "runs as root" if root else f"runs as user {os.geteuid()}"
    advice = "give the service a user of its own"
    return Check(name="user", ok=not root, detail=detail, advice=advice if root else "")


def _folders(session: Session) -> Iterator[Check]:
    yield _folder("data folder", session.data_dir)
    path = session.config.section(FolderSettings).path
    if path is not None and "://" not in path and session.config.storage_name == "folder":
        yield _folder("folder storage", Path(path).expanduser())


def _folder(name: str, path: Path) -> Check:
    try:
        found = path.stat()
    except OSError:
        return Check(name=name, ok=True, detail=f"{path} is made when it is needed")
    if found.st_uid not in (os.geteuid(), 0):
        detail = f"{path} belongs to user {found.st_uid}"
        return Check(name=name, ok=False, detail=detail, advice=f"chown it to {os.geteuid()}")
    if found.st_mode & _OTHERS_WRITE:
        detail = f"others can write to {path}"
        return Check(name=name, ok=False, detail=detail, advice=f"chmod go-w {path}")
    readable = " (others can read it)" if found.st_mode & stat.S_IROTH else ""
    return Check(name=name, ok=True, detail=f"{path}{readable}")


def _texts(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that are addresses, with their dotted keys."""
    for key, value in _values(config):
        if isinstance(value, str) and "://" in value:
            yield key, value


def _values(config: Config) -> Iterator[tuple[str, Any]]:
    for name, section in config.sections.items():
        for key in type(section).model_fields:
            value = getattr(section, key)
            secret = isinstance(value, SecretStr)
            yield f"{name}.{key}", value.get_secret_value() if secret else value
