"""Somebody with a browser, who may be signed in."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field

import requests

from .running import PATIENCE_S, Client


@dataclass(kw_only=True)
class Visitor:
    """Loads pages and sends forms, with the cookies that the site gave."""

    root: str
    session: requests.Session = field(default_factory=requests.Session)

    def load(self, path: str = "/", **params: str) -> requests.Response:
        """Load a page."""
        return self.session.get(f"{self.root}{path}", params=params, timeout=PATIENCE_S)

    def see(self, path: str = "/", **params: str) -> str:
        """The HTML of a page that is there."""
        answer = self.load(path, **params)
        assert answer.status_code == 200, answer.text
        return answer.text

    def send(self, path: str, **fields: str) -> requests.Response:
        """Send a form as it stands, and follow nothing."""
        return self.session.post(
            f"{self.root}{path}", data=fields, timeout=PATIENCE_S, allow_redirects=False
        )

    def form_token(self, path: str = "/") -> str:
        """What the forms of a page have to bring back."""
        (found, *_) = re.findall(r'name="form_token" value="([^"]*)"', self.see(path))
        return str(found)

    def sign_in(self, token: str, **fields: str) -> requests.Response:
        """Fill in the form for signing in."""
        return self.send("/sign-in", token=token, form_token=self.form_token("/sign-in"), **fields)


def visitor(client: Client) -> Visitor:
    """The same person, signed in."""
    made = Visitor(root=client.root)
    assert made.sign_in(client.token).status_code == 303
    return made


def titles(page: str) -> list[str]:
    """Titles of the replays in a list."""
    found = re.findall(r'class="title" href="[^"]*"><bdi>(.*?)</bdi>', page)
    return [html.unescape(each) for each in found]
