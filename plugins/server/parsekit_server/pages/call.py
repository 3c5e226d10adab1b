"""A request for a page and its answer, as the functions of this package see them."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from parsekit.errors import ParsekitError
from parsekit_server.access import Viewer
from parsekit_server.api.bodies import Address
from parsekit_server.filters import Query
from parsekit_server.pages.environment import environment
from parsekit_server.site import ReplaySite

SESSION_COOKIE, FORM_COOKIE = "session", "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """Who asks for which page. ``form_token`` is what each form of the page has to bring back."""

    site: ReplaySite
    viewer: Viewer
    form_token: str
    address: Address
    names: Mapping[str, str]
    query: Query


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReply:
    """A page, or the way to another one. ``cookies`` are set for this site, "" removes one."""

    status: int = 200
    html: str = ""
    policy: str = ""
    location: str | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


#: Answers with a page. Raises `parsekit.errors.ParsekitError`.
PageHandler = Callable[[PageCall], PageReply]


def page(call: PageCall, template: str, *, status: int = 200, **values: object) -> PageReply:
    """Fill a template; only what carries the nonce of this very answer is style or script."""
    nonce = secrets.token_urlsafe(16)
    html = (
        environment()
        .get_template(template)
        .render(
            viewer=call.viewer,
            form_token=call.form_token,
            address=call.address,
            nonce=nonce,
            **values,
        )
    )
    return PageReply(status=status, html=html, policy=_policy(nonce))


def _policy(nonce: str) -> str:
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; "
        "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def error_page(call: PageCall, error: ParsekitError, status: int) -> PageReply:
    """Say what went wrong."""
    return page(call, "error.html", status=status, code=error.code, message=error.message)
