"""The hooks of the storage `minio`; the library that speaks S3 is imported when it is used."""

from __future__ import annotations

from collections.abc import Callable

from parsekit import Check, ProviderContext, Session, StorageEntry, hookimpl
from parsekit.errors import ConfigInvalid
from parsekit_storage_minio.settings import MinioSettings


@hookimpl
def parsekit_register_storages(register: Callable[[StorageEntry], None]) -> None:
    """Offer the storage `minio`, chosen when the configuration has a section of that name."""
    register(
        StorageEntry(
            name="minio",
            create="parsekit_storage_minio.storage:MinioStorage",
            settings=MinioSettings,
        )
    )


@hookimpl
def parsekit_register_checks(
    session: Session, register: Callable[[str, Callable[[], list[Check]]], None]
) -> None:
    """Try the store that the configuration names, if it is the one in use."""
    if session.config.storage_name == "minio":
        register("minio", lambda: _check(session))


def _check(session: Session) -> list[Check]:
    from parsekit_storage_minio.doctor import examine  # noqa: PLC0415  (loads native code)
    from parsekit_storage_minio.storage import MinioStorage  # noqa: PLC0415

    settings = session.config.section(MinioSettings)
    try:
        storage = MinioStorage(ProviderContext(settings=settings, data_dir=session.data_dir))
    except ConfigInvalid as exc:
        return [Check(name="minio: settings", ok=False, detail=exc.message)]
    try:
        return examine(storage)
    finally:
        storage.close()
