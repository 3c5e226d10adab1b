"""``/tokens``: an admin lists, makes and revokes tokens; a new one is shown once."""

from __future__ import annotations

from collections.abc import Mapping

from parsekit.errors import BadRequest
from parsekit_server.access import Role
from parsekit_server.api.fields import one_of
from parsekit_server.errors import Forbidden, NotFound
from parsekit_server.moments import rfc3339
from parsekit_server.pages.call import PageCall, PageReply, page

#: Longer numbers are of no token.
_MOST_DIGITS = 9
#: What each role may, in the words of the form.
_ROLES = (
    (Role.UPLOAD, "upload: also adds replays and changes its own"),
    (Role.READ, "read: looks at what is public or unlisted"),
    (Role.ADMIN, "admin: all, also what others keep private"),
    (Role.GROUP, "group: only uploads into the group below"),
)


def tokens_page(call: PageCall) -> PageReply:
    """List them."""
    call.viewer.check_administers()
    return _page(call)


def add_token(call: PageCall, form: Mapping[str, str]) -> PageReply:
    """Make a token and show it; what is amiss is said above the form."""
    call.viewer.check_administers()
    role = one_of(Role, "role", form.get("role")) or Role.UPLOAD
    name, group_id = form.get("name", "").strip(), form.get("group", "").strip()
    try:
        if (role is Role.GROUP) != bool(group_id):
            raise BadRequest("the role group needs the id of a group, and no other role has one")
        token = call.site.add_token(name, role, group_id or None, call.viewer)
    except (BadRequest, NotFound) as error:
        return _page(call, wrong=error.message, given=form, status=400)
    return _page(call, made=token, owner=name)


def revoke_token(call: PageCall, form: Mapping[str, str]) -> PageReply:
    """End a token by its number."""
    call.viewer.check_administers()
    number = form.get("number", "")
    if not number.isascii() or not number.isdecimal() or len(number) > _MOST_DIGITS:
        raise BadRequest("number is no number of a token")
    if not call.site.revoke_token(number, call.viewer):
        raise Forbidden("nobody has this token any more")
    return PageReply(location="/tokens")


def _page(
    call: PageCall,
    *,
    made: str = "",
    owner: str = "",
    wrong: str = "",
    given: Mapping[str, str] | None = None,
    status: int = 200,
) -> PageReply:
    found = call.site.accounts.tokens()
    return page(
        call,
        "tokens.html",
        status=status,
        tokens=[(each, rfc3339(each.created_us)[:10]) for each in reversed(found)],
        roles=_ROLES,
        made=made,
        owner=owner,
        wrong=wrong,
        given={name: (given or {}).get(name, "") for name in ("name", "role", "group")},
    )
