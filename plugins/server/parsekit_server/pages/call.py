"""A request for a page and its answer, as the functions of this package see them."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from parsekit import JsonObject
from parsekit.errors import ParsekitError
from parsekit_server.access import Viewer
from parsekit_server.api.bodies import Address
from parsekit_server.errors import Forbidden, NotSignedIn
from parsekit_server.filters import Query
from parsekit_server.pages.environment import environment
from parsekit_server.site import ReplaySite

SESSION_COOKIE, FORM_COOKIE = "session", "form"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageCall:
    """Who asks for which page. ``form_token`` is what each form of the page has to bring back.

    ``scripted``: a page's own script asks, and understands JSON.
    """

    site: ReplaySite
    viewer: Viewer
    form_token: str
    scripted: bool
    address: Address
    path: str
    names: Mapping[str, str]
    query: Query

    def check_signed_in(self) -> None:
        """Raise `NotSignedIn` for a stranger."""
        if self.viewer.account_id is None:
            raise NotSignedIn("sign in first; a session ends after twelve hours without use")

    def check_form(self, given: str) -> None:
        """Raise `Forbidden` for a form that is not of a page of this session."""
        check_form_token(self.form_token, given)


def check_form_token(expected: str, given: str) -> None:
    """Raise `Forbidden` for a form that is not of a page that this browser was shown."""
    if not expected or not hmac.compare_digest(expected.encode(), given.encode()):
        raise Forbidden("the form is out of date; go back, load its page again and send it again")


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReply:
    """A page, JSON for a page's script, a file under its own name, or the way to another page.

    ``cookies`` are set for this site, "" removes one.
    """

    status: int = 200
    html: str = ""
    policy: str = ""
    location: str | None = None
    json: JsonObject | None = None
    file: Path | None = None
    cookies: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


#: Answers with a page. Raises `parsekit.errors.ParsekitError`.
PageHandler = Callable[[PageCall], PageReply]
#: Does what a form of a page asks for, whose fields it gets. Raises as `PageHandler`.
FormHandler = Callable[[PageCall, Mapping[str, str]], PageReply]


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
    """Say what went wrong; a stranger whom a page asks to sign in is led there."""
    if call.scripted:
        return PageReply(status=status, json={"error": error.message, "code": error.code})
    if isinstance(error, NotSignedIn):
        return PageReply(location=f"/sign-in?{urlencode({'to': call.path})}")
    return page(call, "error.html", status=status, code=error.code, message=error.message)
