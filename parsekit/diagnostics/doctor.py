"""Try each real component that the configuration names, and say what to do about each failure."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from parsekit.errors import ParsekitError
from parsekit.host.discovery import PluginFault, reason_of, within
from parsekit.host.host import Host
from parsekit.host.session import Session
from parsekit.providers import Check, Storage
from parsekit.records.audit_trail import AuditedStorage, AuditTrail
from parsekit.redaction.secrets import cleaned
from parsekit.storage.open import make_storage

#: Longest try of one component, seconds.
CHECK_SECONDS = 15.0

Try = Callable[[], list[Check]]


def examine(
    session: Session,
    host: Host,
    more: Iterable[tuple[str, Try]] = (),
    trail: AuditTrail | None = None,
) -> list[Check]:
    """Run every check: plugins, storage, what plugins offer, and ``more`` that a driver knows.

    A storage whose plugin offers a check under the storage's name knows better than we do. What is
    touched is noted in ``trail``; of a plugin's check and a driver's, what they say of it.
    """
    trail = AuditTrail() if trail is None else trail
    lines = [_plugin(name, error) for name, error in host.failed.items()]
    lines += _absent(session)
    offered: list[tuple[str, Try]] = []
    for owner, offer in host.listeners("parsekit_register_checks"):
        lines += _settled(owner, partial(_collect, offer, session, offered))
    if session.config.storage_name not in dict(offered):
        lines += _settled("storage", lambda: _storage(session, host, trail))
    for name, attempt in (*offered, *more):
        found = _settled(name, attempt)
        for check in found:
            trail.record("sent", cleaned(f"check {check.name}: {check.detail}"))
        lines += found
    return [without_secrets(check) for check in lines]


def without_secrets(check: Check) -> Check:
    """The same line, masked as a log is: a check repeats what servers and their clients say."""
    return replace(check, detail=cleaned(check.detail), advice=cleaned(check.advice))


def _collect(
    offer: Callable[..., None], session: Session, offered: list[tuple[str, Try]]
) -> list[Check]:
    offer(session=session, register=lambda name, attempt: offered.append((name, attempt)))
    return []


def _settled(name: str, attempt: Try) -> list[Check]:
    """Lines of one component; what it raises, or that it hangs, is a line too."""
    try:
        lines: list[Check] = within(CHECK_SECONDS, attempt)
    except ParsekitError as error:
        return [Check(name=name, ok=False, detail=error.message)]
    except PluginFault as fault:
        return [Check(name=name, ok=False, detail=str(fault), advice="is its address right?")]
    except Exception as exc:  # noqa: BLE001  (a check may raise anything; it becomes a line)
        advice = "this is a fault of the check itself: report it to the plugin's author"
        return [Check(name=name, ok=False, detail=reason_of(exc), advice=advice)]
    return lines


def _plugin(name: str, error: str) -> Check:
    advice = "install a working release, or uninstall it"
    return Check(name=f"plugin {name}", ok=False, detail=error, advice=advice)


def _absent(session: Session) -> list[Check]:
    return [
        Check(
            name=f"section {name}",
            ok=False,
            detail="is configured, but no plugin reads it",
            advice=f"pip install {distribution}",
        )
        for name, distribution in session.config.absent_plugins.items()
    ]


def _storage(session: Session, host: Host, trail: AuditTrail) -> list[Check]:
    """Write, read and delete an object of our own where results are kept."""
    name = f"storage {session.config.storage_name}"
    storage = make_storage(host, session.config, session.data_dir)
    try:
        return _probe(name, AuditedStorage(storage, trail))
    finally:
        storage.close()


def _probe(name: str, storage: Storage) -> list[Check]:
    parts = (storage.results_prefix, "doctor", f"{uuid.uuid4()}.json")
    key = "/".join(part for part in parts if part)
    body = b'{"probe": true}'
    lines = []
    steps: tuple[tuple[str, Callable[[], object], str], ...] = (
        ("write", lambda: storage.write(key, body), "allow writing below the results prefix"),
        ("read", lambda: _same(storage.read(key), body), "allow reading below the results prefix"),
        ("delete", lambda: storage.delete(key), "allow deleting below the results prefix"),
    )
    for step, attempt, advice in steps:
        try:
            attempt()
        except ParsekitError as error:
            detail, _, cure = error.message.partition("; ")
            lines.append(
                Check(name=f"{name}: {step}", ok=False, detail=detail, advice=cure or advice)
            )
            break
        lines.append(Check(name=f"{name}: {step}", ok=True, detail=key))
    return lines


def _same(found: bytes | None, written: bytes) -> None:
    if found != written:
        raise ParsekitError(f"what was read is not what was written: {found!r}")
