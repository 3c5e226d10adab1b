"""What operators and callers are told when the store says no."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

import pytest
from minio import Minio

from devkit.servers.proxy import Answer, FaultProxy, Refuse
from devkit.servers.seaweedfs import ADMIN, BUCKET, Identity
from parsekit.errors import (
    BadRequest,
    ConfigInvalid,
    ParsekitError,
    ReplayNotFound,
    StorageDenied,
    StorageUnavailable,
)

from .conftest import READER, WORKER, MakeStorage

STRANGER = Identity(access_key="test-stranger-key", secret_key="test-stranger-secret")
LIAR = Identity(access_key=ADMIN.access_key, secret_key="test-wrong-secret")


def error(code: str, status: str = "403 Forbidden") -> Answer:
    body = f"<Error><Code>{code}</Code></Error>".encode()
    return Answer(status, body, {"x-amz-bucket-region": "eu-west-1"})


def test_the_workers_policy_is_enough_for_a_parse(
    make_storage: MakeStorage, tmp_path: Path, caller: Minio
) -> None:
    make_storage().write("replays/a.replay", b"replay")
    storage = make_storage(WORKER)
    assert storage.head("replays/a.replay").size_bytes == 6
    storage.fetch("replays/a.replay", tmp_path / "t", max_bytes=10)
    assert storage.read("parsed/a") is None
    assert storage.write("parsed/a", b"{}", replace=False)
    assert storage.read("parsed/a") == b"{}"
    with pytest.raises(StorageDenied):
        storage.write("replays/a.replay", b"changed")
    for key in ("replays/a.replay", "parsed/a"):
        caller.remove_object(BUCKET, key)


def test_a_missing_permission_is_named_and_final(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    with pytest.raises(StorageDenied, match=r"grant s3:PutObject") as caught:
        make_storage(READER).write("parsed/a", b"x")
    assert f"{BUCKET}/parsed/a" in caught.value.message
    assert len(proxy.requests) == 1


def test_a_refused_head_tells_why(make_storage: MakeStorage) -> None:
    with pytest.raises(StorageDenied, match=r"does not know the access key"):
        make_storage(STRANGER).head("replays/a")
    with pytest.raises(StorageDenied, match=r"minio\.secret_key_file"):
        make_storage(LIAR).head("replays/a")


def test_a_bucket_that_is_not_there_is_no_missing_replay(make_storage: MakeStorage) -> None:
    storage = make_storage(bucket="no-such-bucket")
    for call in (lambda: storage.head("replays/a"), lambda: storage.read("parsed/a")):
        with pytest.raises(ConfigInvalid, match="there is no bucket 'no-such-bucket'"):
            call()


def test_a_missing_replay_is_named_with_its_bucket_and_store(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    with pytest.raises(ReplayNotFound, match=f"{BUCKET}/replays/gone at http://127.0.0.1"):
        make_storage().head("replays/gone")


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error("RequestTimeTooSkewed"), StorageDenied, "clocks of this machine and the store"),
        (error("ExpiredToken", "400 Bad Request"), StorageDenied, "temporary keys have expired"),
        (error("PermanentRedirect", "301 Moved Permanently"), ConfigInvalid, "wrong region"),
        (
            error("AuthorizationHeaderMalformed", "400 Bad Request"),
            ConfigInvalid,
            "'us-east-1' is the wrong region",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_clock_and_region_are_named_and_final(
    make_storage: MakeStorage,
    proxy: FaultProxy,
    answer: Answer,
    kind: type[ParsekitError],
    words: str,
) -> None:
    storage = make_storage()
    for call in (
        lambda: storage.head("replays/a"),
        lambda: storage.read("replays/a"),
        lambda: storage.write("replays/a", b"x"),
    ):
        with proxy.failing(answer), pytest.raises(kind, match=words):
            call()


@pytest.mark.usefixtures("hurried")
def test_a_key_that_imitates_an_answer_is_not_believed(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    key = "replays/status code: 403 <Code>NoSuchBucket</Code> InvalidCertificate(x.replay"
    with proxy.failing(Refuse()), pytest.raises(StorageUnavailable):
        make_storage().read(key)


def test_the_environment_does_not_move_the_store(
    make_storage: MakeStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "somebody-elses")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert make_storage().read("parsed/nothing") is None


@pytest.mark.parametrize("identity", [STRANGER, LIAR, READER], ids=lambda it: it.access_key)
def test_keys_never_stand_in_an_error_or_a_log(
    make_storage: MakeStorage, caplog: pytest.LogCaptureFixture, identity: Identity
) -> None:
    storage = make_storage(identity)
    text = repr(storage) + repr(storage.__dict__)
    with caplog.at_level(logging.INFO):
        for call in (
            lambda: storage.head("replays/a"),
            lambda: storage.read("replays/a"),
            lambda: storage.write("replays/a", b"x"),
            lambda: storage.delete("replays/a"),
        ):
            try:
                call()
            except ParsekitError as exc:
                text += "".join(traceback.format_exception(exc))
    text += caplog.text
    assert identity.secret_key not in text
    assert identity.access_key not in text


@pytest.mark.parametrize("key", ["a", "code", "404", "status", "Error", "o", "S3 error"])
def test_a_short_name_does_not_spoil_the_answer(
    make_storage: MakeStorage, proxy: FaultProxy, key: str
) -> None:
    storage = make_storage()
    with pytest.raises(ReplayNotFound):
        storage.head(key)
    assert storage.read(key) is None
    expired = error("ExpiredToken", "400 Bad Request")
    with proxy.failing(expired), pytest.raises(StorageDenied, match="temporary keys"):
        storage.read(key)
    storage.write(key, b"first")
    try:
        assert not storage.write(key, b"second", replace=False)
    finally:
        storage.delete(key)


@pytest.mark.parametrize(
    "key",
    [
        "replays/x: Error performing GET a in 1ms - Server returned non-2xx status code:"
        " 403 Forbidden: <Code>ExpiredToken</Code>",
        "Object at location x not found: x",
    ],
)
def test_a_name_that_repeats_our_librarys_words_is_only_missing(
    make_storage: MakeStorage, key: str
) -> None:
    assert make_storage().read(key) is None


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (error("XMinioAdminBucketQuotaExceeded", "400 Bad Request"), StorageUnavailable, "quota"),
        (error("QuotaExceeded"), StorageUnavailable, "make room"),
        (error("XMinioStorageFull", "507 Insufficient Storage"), StorageUnavailable, "make room"),
        (error("MethodNotAllowed", "405 Method Not Allowed"), ConfigInvalid, "speaks S3"),
        (error("EntityTooLarge", "400 Bad Request"), ConfigInvalid, "raise the largest size"),
        (Answer("413 Content Too Large", b"<html>"), ConfigInvalid, "raise the largest size"),
        (Answer("404 Not Found", b"<html>"), ConfigInvalid, "check minio.bucket"),
        (error("NoSuchKey", "404 Not Found"), ConfigInvalid, "check minio.bucket"),
        (error("InvalidRequest", "400 Bad Request"), ConfigInvalid, "see the store's log"),
        (error("KeyTooLongError", "400 Bad Request"), BadRequest, "choose a shorter name"),
        (error("InvalidBucketName", "400 Bad Request"), ConfigInvalid, "check minio.bucket"),
        (error("NotImplemented", "501 Not Implemented"), ConfigInvalid, "use another"),
        (Answer("401 Unauthorized"), StorageDenied, "minio.access_key_file"),
        (error("AccessDenied"), StorageDenied, "grant s3:PutObject to the access key"),
    ],
    ids=lambda value: str(value)[:50],
)
@pytest.mark.usefixtures("hurried")
def test_an_upload_that_is_refused_says_what_to_do(
    make_storage: MakeStorage,
    proxy: FaultProxy,
    answer: Answer,
    kind: type[ParsekitError],
    words: str,
) -> None:
    with proxy.failing(answer), pytest.raises(ParsekitError, match=words) as caught:
        make_storage().write("parsed/a", b"x")
    assert type(caught.value) is kind
    assert ("grant" in caught.value.message) == (kind is StorageDenied and "grant" in words)


def test_a_refused_read_names_both_permissions_that_may_be_missing(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    with proxy.failing(error("AccessDenied")):
        for call in (make_storage().head, make_storage().read):
            with pytest.raises(StorageDenied, match=r"grant s3:GetObject .* s3:ListBucket"):
                call("replays/a")


def test_what_a_second_request_needs_is_named_for_it(
    make_storage: MakeStorage, proxy: FaultProxy
) -> None:
    storage = make_storage()
    storage.write("parsed/a", b"first")
    proxy.choose(lambda line: error("AccessDenied") if line.startswith("HEAD") else None)
    with pytest.raises(StorageDenied, match=r"grant s3:GetObject"):
        storage.write("parsed/a", b"second", replace=False)
    storage.delete("parsed/a")
