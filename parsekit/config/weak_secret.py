"""Secrets that are guessed at once, and whose masking would blank out ordinary words."""

from __future__ import annotations

import re

#: Shorter ones are found by trying.
MIN_CHARACTERS = 8
#: What people and images take for a password, and words that stand in every log of ours. Digits at
#: the end make none of them better.
_WORDS = re.compile(
    "access|admin|administrator|amqp|analytics|ballchasing|bitnami|broker|celery|change(?:it|me)|"
    "default|demo|development|docker|dragon|example|football|guest|hello|iloveyou|letmein|localhost|"
    "login|master|minio(?:admin|secret)?|monkey|parsed?|parsekit|pass(?:w[o0]r)?d?|princess|"
    "production|public|qwerty|rabbit(?:mq)?|redis|replays?|rocketleague|root|secret(?:key)?|service|"
    "shadow|staging|storage|sunshine|superman|test(?:ing)?|token|user(?:name)?|valkey|welcome|worker"
)
_DECORATION = re.compile(r"[\W\d_]+")


def weakness(secret: str, user: str = "") -> str:
    """What is wrong with a secret, ready to follow "it"; "" for one that is hard to guess."""
    if len(secret) < MIN_CHARACTERS:
        return f"has fewer than {MIN_CHARACTERS} characters"
    if user and secret == user:
        return "is the name of its user"
    if secret.isdigit() or _WORDS.fullmatch(_DECORATION.sub("", secret).lower()):
        return "is a word that everybody tries"
    return ""
