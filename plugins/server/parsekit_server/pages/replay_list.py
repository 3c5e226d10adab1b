"""``/``: the replays that the viewer may find, with the API's filters."""

from __future__ import annotations

from urllib.parse import urlencode

from parsekit_server.filters import Query, read_replay_filters, read_replay_page
from parsekit_server.pages.call import PageCall, PageReply, page
from parsekit_server.pages.replay_line import line_of
from parsekit_server.ranks import TIER_OF

#: Replays of a page, unless the address says otherwise.
_COUNT = "50"
#: What the form below the title asks for; other parameters of the address are kept as they are.
_IN_FORM = (
    "title",
    "player-name",
    "playlist",
    "map",
    "match-result",
    "min-rank",
    "max-rank",
    "season",
    "replay-date-after",
    "replay-date-before",
    "sort-by",
    "sort-dir",
)


def list_replays(call: PageCall) -> PageReply:
    """Show a page of replays; the next one begins behind its last line, as the API's does."""
    asked: Query = {name: values for name, values in call.query.items() if any(values)}
    counted = {"count": [_COUNT], **asked}
    filters, wanted = read_replay_filters(counted), read_replay_page(counted)
    found = call.site.listing.page(filters, wanted, call.viewer)
    after = None
    if found.after is not None:
        after = "/?" + urlencode({**asked, "after": [found.after.to_text()]}, doseq=True)
    return page(
        call,
        "replay_list.html",
        lines=[line_of(each) for each in found.replays],
        total=found.total,
        after=after,
        given={name: asked.get(name, [""])[-1] for name in _IN_FORM},
        filtered=bool(asked.keys() - {"after", "count", "sort-by", "sort-dir"}),
        maps=call.site.replays.maps(call.viewer),
        ranks=[(rank, rank.replace("-", " ")) for rank in TIER_OF],
    )
