"""``/sign-in`` and ``/sign-out``: the forms."""

from __future__ import annotations

import re
import secrets
from dataclasses import replace

from parsekit_server.pages.call import FORM_COOKIE, SESSION_COOKIE, PageCall, PageReply, page

#: Where a form may lead: pages of this site, and nothing that a browser could read otherwise.
_PLACE = re.compile(r"/(?:|upload|tokens|operator|(?:replay|group|player)/[\w%-]{1,200})", re.ASCII)


def sign_in_page(call: PageCall, *, wrong: str = "", status: int = 200) -> PageReply:
    """Ask for a token. A stranger has no session that a form could belong to, so a cookie does."""
    form_token = secrets.token_urlsafe(32)
    shown = replace(call, form_token=form_token)
    reply = page(shown, "sign_in.html", status=status, wrong=wrong, to=place_after(call))
    return replace(reply, cookies={FORM_COOKIE: form_token})


def place_after(call: PageCall) -> str:
    """Where to go on after signing in: what the address names as ``to``, or the list."""
    asked = next(iter(call.query.get("to", ())), "")
    return asked if _PLACE.fullmatch(asked) else "/"


def signed_in(session: str, place: str) -> PageReply:
    """Give the browser its session."""
    return PageReply(location=place, cookies={SESSION_COOKIE: session, FORM_COOKIE: ""})


def signed_out() -> PageReply:
    """Take it away again."""
    return PageReply(location="/", cookies={SESSION_COOKIE: ""})
