"""parsekit: statistics from Rocket League replays, with pluggable storage, parsers and sinks.

Everything that a user or a plugin may rely on is importable from here; it is loaded when first
used, so that ``import parsekit`` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from parsekit.api import Parsing as Parsing
    from parsekit.api import open_parsing as open_parsing
    from parsekit.api import open_session as open_session
    from parsekit.api import parse as parse
    from parsekit.api import parse_all as parse_all
    from parsekit.body.timeline import MatchEvent as MatchEvent
    from parsekit.body.timeline import Timeline as Timeline
    from parsekit.body.timeline import TimelinePlayer as TimelinePlayer
    from parsekit.body.timeline import Track as Track
    from parsekit.body.timeline import Tracks as Tracks
    from parsekit.config import Config as Config
    from parsekit.config import Section as Section
    from parsekit.config import read_identifier as read_identifier
    from parsekit.config import read_secret as read_secret
    from parsekit.config.secret import SecretFile as SecretFile
    from parsekit.config.tls_files import check_tls_files as check_tls_files
    from parsekit.events import AnalyticsEvent as AnalyticsEvent
    from parsekit.events import AuditEvent as AuditEvent
    from parsekit.events import DifferenceEvent as DifferenceEvent
    from parsekit.events import ProgressEvent as ProgressEvent
    from parsekit.events import WaitEvent as WaitEvent
    from parsekit.groups.ballchasing import group_sums as group_sums
    from parsekit.groups.game import Game as Game
    from parsekit.groups.game import PlayerGame as PlayerGame
    from parsekit.groups.game import Side as Side
    from parsekit.groups.game import game_of as game_of
    from parsekit.groups.members import PlayerTotals as PlayerTotals
    from parsekit.groups.members import Record as Record
    from parsekit.groups.members import TeamTotals as TeamTotals
    from parsekit.groups.rosters import Roster as Roster
    from parsekit.groups.rosters import TeamIdentification as TeamIdentification
    from parsekit.groups.rules import Total as Total
    from parsekit.groups.series import Series as Series
    from parsekit.groups.series import find_series as find_series
    from parsekit.groups.summary import LeftOut as LeftOut
    from parsekit.groups.summary import ModeSummary as ModeSummary
    from parsekit.groups.summary import SeasonSummary as SeasonSummary
    from parsekit.groups.summary import summarize as summarize
    from parsekit.hookspecs import hookimpl as hookimpl
    from parsekit.host.session import Session as Session
    from parsekit.metrics import Metric as Metric
    from parsekit.metrics import MetricFamily as MetricFamily
    from parsekit.model import Failure as Failure
    from parsekit.model import Job as Job
    from parsekit.model import JsonObject as JsonObject
    from parsekit.model import NotReady as NotReady
    from parsekit.model import Outcome as Outcome
    from parsekit.model import Parsed as Parsed
    from parsekit.model import Replay as Replay
    from parsekit.providers import LARGEST_READ_BYTES as LARGEST_READ_BYTES
    from parsekit.providers import Check as Check
    from parsekit.providers import ObjectInfo as ObjectInfo
    from parsekit.providers import Page as Page
    from parsekit.providers import PageContent as PageContent
    from parsekit.providers import Parser as Parser
    from parsekit.providers import ParserEntry as ParserEntry
    from parsekit.providers import ProviderContext as ProviderContext
    from parsekit.providers import Storage as Storage
    from parsekit.providers import StorageEntry as StorageEntry
    from parsekit.providers import WaitingParser as WaitingParser
    from parsekit.records.audit_trail import recorded as recorded
    from parsekit.replay.envelope import check_envelope as check_envelope
    from parsekit.retry import RetryPolicy as RetryPolicy
    from parsekit.storage.atomic import Folder as Folder
    from parsekit.storage.atomic import OwnedFolder as OwnedFolder
    from parsekit.storage.keys import checked_key as checked_key
    from parsekit.storage.keys import checked_path as checked_path
    from parsekit.storage.transfer import save_whole as save_whole

#: Every public name to the module that has it.
HOME = {
    "Parsing": "api",
    "open_parsing": "api",
    "open_session": "api",
    "parse": "api",
    "parse_all": "api",
    "recorded": "records.audit_trail",
    "Config": "config",
    "Section": "config",
    "SecretFile": "config.secret",
    "read_identifier": "config",
    "read_secret": "config",
    "save_whole": "storage.transfer",
    "AnalyticsEvent": "events",
    "AuditEvent": "events",
    "DifferenceEvent": "events",
    "ProgressEvent": "events",
    "WaitEvent": "events",
    "Folder": "storage.atomic",
    "OwnedFolder": "storage.atomic",
    "group_sums": "groups.ballchasing",
    "Game": "groups.game",
    "PlayerGame": "groups.game",
    "Side": "groups.game",
    "game_of": "groups.game",
    "PlayerTotals": "groups.members",
    "Record": "groups.members",
    "TeamTotals": "groups.members",
    "Roster": "groups.rosters",
    "TeamIdentification": "groups.rosters",
    "Total": "groups.rules",
    "Series": "groups.series",
    "find_series": "groups.series",
    "LeftOut": "groups.summary",
    "ModeSummary": "groups.summary",
    "SeasonSummary": "groups.summary",
    "summarize": "groups.summary",
    "hookimpl": "hookspecs",
    "checked_key": "storage.keys",
    "checked_path": "storage.keys",
    "Metric": "metrics",
    "MetricFamily": "metrics",
    "Failure": "model",
    "Job": "model",
    "JsonObject": "model",
    "NotReady": "model",
    "Outcome": "model",
    "Parsed": "model",
    "Replay": "model",
    "Check": "providers",
    "LARGEST_READ_BYTES": "providers",
    "ObjectInfo": "providers",
    "Page": "providers",
    "PageContent": "providers",
    "Parser": "providers",
    "ParserEntry": "providers",
    "ProviderContext": "providers",
    "Storage": "providers",
    "StorageEntry": "providers",
    "WaitingParser": "providers",
    "check_envelope": "replay.envelope",
    "RetryPolicy": "retry",
    "Session": "host.session",
    "check_tls_files": "config.tls_files",
    "MatchEvent": "body.timeline",
    "Timeline": "body.timeline",
    "TimelinePlayer": "body.timeline",
    "Track": "body.timeline",
    "Tracks": "body.timeline",
}

__all__ = [*HOME, "errors"]  # noqa: PLE0604  (names come from one table)


def __getattr__(name: str) -> Any:
    if name == "errors":
        return import_module("parsekit.errors")
    if name not in HOME:
        raise AttributeError(f"module 'parsekit' has no attribute {name!r}")
    return getattr(import_module(f"parsekit.{HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
