"""An HTTP session of aiobotocore's that follows no redirect: the store is where it was said to be.

aiohttp follows them unless it is told, and botocore would ask anew wherever it takes the bucket's
region to be.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from aiobotocore.httpsession import AIOHTTPSession  # type: ignore[import-untyped]

from parsekit_storage_minio.store_error import answered

_CODE = re.compile(rb"<Code>(\w{1,64})</Code>")
#: More than any error of S3 has.
_MOST_BYTES = 64 * 1024


class StayingSession(AIOHTTPSession):  # type: ignore[misc]  # (aiobotocore ships no types)
    """Raises `StoreError` for an answer of 3xx, which botocore wraps in an error of its own."""

    async def _get_session(self, proxy_url: str | None) -> _Staying:
        return _Staying(await super()._get_session(proxy_url))


class _Staying:
    """aiohttp's session, as far as aiobotocore uses it."""

    def __init__(self, session: Any) -> None:
        self._session = session

    async def request(self, method: str, **options: Any) -> Any:
        answer = await self._session.request(method, **options, allow_redirects=False)
        if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
            code = _CODE.search(await answer.content.read(_MOST_BYTES))
            answer.close()
            raise answered(answer.status, code[1].decode() if code else None)
        return answer
