from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from parsekit import ProviderContext
from parsekit.errors import ConfigInvalid
from parsekit_storage_minio import settings as settings_module
from parsekit_storage_minio.client import Target
from parsekit_storage_minio.credentials import read_credentials
from parsekit_storage_minio.settings import MinioSettings
from parsekit_storage_minio.storage import MinioStorage

AWS = {"AWS_ACCESS_KEY_ID": "aws-key", "AWS_SECRET_ACCESS_KEY": "aws-secret"}


@pytest.mark.parametrize(
    ("hostname", "secure", "endpoint"),
    [
        ("minio:9000", None, "http://minio:9000"),
        ("minio:9000", True, "https://minio:9000"),
        ("minio", False, "http://minio"),
        ("https://s3.example.org", None, "https://s3.example.org"),
        ("http://minio:9000/", None, "http://minio:9000"),
        ("[::1]:9000", None, "http://[::1]:9000"),
        ("127.0.0.1:65535", None, "http://127.0.0.1:65535"),
        ("store-1.2nd.example.org.:80", None, "http://store-1.2nd.example.org.:80"),
    ],
)
def test_hostname_becomes_an_address(hostname: str, secure: bool | None, endpoint: str) -> None:
    assert MinioSettings(hostname=hostname, secure=secure).endpoint == endpoint


@pytest.mark.parametrize(
    "values",
    [
        {"hostname": "ftp://minio"},
        {"hostname": "http://user:password@minio"},
        {"hostname": "minio:9000/bucket"},
        {"hostname": ""},
        *({"hostname": f"127.0.0.1:{port}"} for port in (0, 65536, 99999)),
        *({"hostname": f"{host}:80"} for host in ("999.1.1.1", "1.2.3.4.5", "minio.1", "a.0x1")),
        *({"hostname": host} for host in ("[1::2::3]:80", "a..b")),
        {"hostname": "http://minio", "secure": True},
        {"hostname": "https://minio", "secure": False},
        {"bucket": "a/b"},
        {"bucket": ""},
        {"parsed_object_prefix": "../elsewhere"},
        {"hostnam": "minio"},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MinioSettings.model_validate(values)


def test_home_is_found_in_the_name_of_the_authoritys_file() -> None:
    assert MinioSettings(ca_file=Path("~/ca.pem")).ca_file == Path.home() / "ca.pem"


def test_slashes_around_the_prefix_do_not_matter() -> None:
    assert MinioSettings(parsed_object_prefix="/parsed/json/").parsed_object_prefix == "parsed/json"
    assert MinioSettings(parsed_object_prefix="/").parsed_object_prefix == ""


def test_named_files_win_over_everything(tmp_path: Path) -> None:
    for name in ("mine", "minio_access_key", "minio_secret_key"):
        (tmp_path / name).write_text(f" {name}\n")
    settings = MinioSettings(access_key_file=tmp_path / "mine", secret_key_file=tmp_path / "mine")
    keys = read_credentials(settings, folder=tmp_path, environ=AWS)
    assert (keys.access_key, keys.secret_key, keys.token) == ("mine", "mine", None)


def test_container_secrets_win_over_the_environment(tmp_path: Path) -> None:
    (tmp_path / "access_key").write_text("container-key")
    (tmp_path / "minio_secret_key").write_text("container-secret")
    keys = read_credentials(MinioSettings(), folder=tmp_path, environ=AWS)
    assert (keys.access_key, keys.secret_key) == ("container-key", "container-secret")


def test_the_environment_comes_last_with_its_token(tmp_path: Path) -> None:
    environ = {**AWS, "AWS_SESSION_TOKEN": "aws-token"}
    keys = read_credentials(MinioSettings(), folder=tmp_path, environ=environ)
    assert (keys.access_key, keys.secret_key, keys.token) == ("aws-key", "aws-secret", "aws-token")
    assert "aws" not in repr(keys)


def test_one_key_alone_names_the_other(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("x")
    with pytest.raises(ConfigInvalid, match=r"minio\.secret_key_file: is missing"):
        read_credentials(
            MinioSettings(access_key_file=tmp_path / "key"), folder=tmp_path, environ=AWS
        )


def test_without_keys_the_message_says_where_to_put_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match="AWS_ACCESS_KEY_ID"):
        read_credentials(MinioSettings(), folder=tmp_path, environ={})


def test_a_key_file_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    settings = MinioSettings(access_key_file=tmp_path / "gone", secret_key_file=tmp_path / "gone")
    with pytest.raises(ConfigInvalid, match=r"minio\.access_key_file.*gone"):
        read_credentials(settings, folder=tmp_path, environ=AWS)


def test_a_section_without_hostname_is_an_error_when_it_is_used() -> None:
    with pytest.raises(ConfigInvalid, match=r"minio\.hostname"):
        Target.of(MinioSettings())


def test_an_authority_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"minio\.ca_file"):
        Target.of(MinioSettings(hostname="minio", ca_file=tmp_path / "ca.pem"))


def test_secrets_of_containers_stand_where_docker_puts_them() -> None:
    assert Path("/run/secrets") == settings_module.SECRET_FOLDER


def test_an_address_that_obstore_can_not_use_is_named(tmp_path: Path) -> None:
    """Rust panics over it."""
    settings = MinioSettings(hostname="xn--a:80")
    for name in ("minio_access_key", "minio_secret_key"):
        (tmp_path / name).write_text("key-or-secret")
    files = {"access_key_file": tmp_path / "minio_access_key"}
    files |= {"secret_key_file": tmp_path / "minio_secret_key"}
    context = ProviderContext(settings=settings.model_copy(update=files))
    storage = MinioStorage(context)
    for call in (lambda: storage.head("parsed/a"), lambda: storage.write("parsed/a", b"x")):
        with pytest.raises(ConfigInvalid, match=r"minio\.hostname: http://xn--a:80"):
            call()
