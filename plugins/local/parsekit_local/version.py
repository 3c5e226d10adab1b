"""The version of what the parser answers."""

from __future__ import annotations

#: Part of the cache key: raise it with every change of a published value.
PARSER_VERSION = "1.2.0"
