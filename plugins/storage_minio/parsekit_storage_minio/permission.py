"""What a request needs to be allowed, in the words of S3's policies."""

from __future__ import annotations

from enum import StrEnum


class Permission(StrEnum):
    """The permission that a request needs; HEAD and GET need the same."""

    READ = "s3:GetObject"
    WRITE = "s3:PutObject"
    DELETE = "s3:DeleteObject"
    LIST = "s3:ListBucket"
