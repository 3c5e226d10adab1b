"""The parser ``local``: header first, then the network stream, then the body."""

from __future__ import annotations

from parsekit import Job, Parsed, ProviderContext, Replay, Timeline
from parsekit.errors import ParserFailed, ReplayNotFound
from parsekit_local.body.body import Body, Findings, body_of
from parsekit_local.events.timeline import timeline_of
from parsekit_local.fidelity.grades import Reading
from parsekit_local.header.facts import HeaderFacts, header_facts
from parsekit_local.header.reader import read_header
from parsekit_local.statistics import MatchStatistics, compute
from parsekit_local.stream.decoder import decode
from parsekit_local.stream.frames import Decoded, DecodeFailed, Frames
from parsekit_local.stream.readers import boxcars, described


class LocalParser:
    """Parses a replay on this machine, into the body that Ballchasing would give.

    Raises `InvalidReplay` for a header that can't be read. A network stream that can't be read,
    or not to its end, costs what it would have told: `Parsed.warnings` names the game's build and
    the attribute at fault, and the body's ``fidelity`` says what is left. Where another parser
    stands by (`Job.has_fallback`) it is asked instead: `ParserFailed`. So it is where nobody of
    the final scoreboard has a car in the stream. What no parser can mend is a warning alone: a
    replay without frames, a final score that is not the sum of the players' goals.
    """

    def __init__(self, context: ProviderContext) -> None:
        del context  # no settings; the host limits time and memory

    def parse(self, replay: Replay, job: Job) -> Parsed:
        """Read the replay: header, stream, statistics, and the timeline where it is asked for."""
        header = header_facts(read_header(replay.path))
        job.progress(30.0, "Reading the replay...")
        decoded, faults = _decoded(replay)
        job.progress(80.0, "Computing statistics...")
        findings, more_faults = _findings(replay, header, decoded)
        body = body_of(findings)
        build = header.build_version or "unknown"
        missed = tuple(f"{fault} (game build {build})" for fault in faults + more_faults)
        missed += tuple(each.sentence for each in body.contradictions if each.may_be_missed)
        if missed and job.has_fallback:
            raise ParserFailed(missed[0])
        notes = tuple(each.sentence for each in body.contradictions if not each.may_be_missed)
        if findings.reading is Reading.HEADER_ONLY and not missed:
            notes = (_NOTHING_RECORDED, *notes)
        timeline, no_timeline = _timeline(findings, body) if job.timeline else (None, ())
        return Parsed(
            data=body.data,
            warnings=missed + notes + no_timeline,
            notice=_notice(decoded, build),
            reader=described(decoded.reader) if decoded else "",
            timeline=timeline,
        )


#: Sentences for people about what could not be read.
_Faults = tuple[str, ...]
_NOTHING_RECORDED = "the replay has no frames: only the header is read, statistics are not known"
#: What code raises that meets values nobody has seen; not `MemoryError`, which the host handles.
_Surprise = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def _notice(decoded: Decoded | None, build: str) -> str:
    """Say to the operator that the native reader is out of date, the same for all of a build."""
    if decoded is None or decoded.native_fault is None or decoded.reader == "native":
        return ""
    return (
        f"the native reader (boxcars {boxcars()}) does not know all of game build {build}: the "
        "dictionary reader reads such replays, slower; a newer parsekit-local-native may know it"
    )


def _decoded(replay: Replay) -> tuple[Decoded | None, _Faults]:
    try:
        decoded = _decode(replay)
    except DecodeFailed as error:
        return None, (f"{error.message}: only the header is read",)
    return decoded, decoded.warnings


def _decode(replay: Replay) -> Decoded:
    try:
        return decode(replay.path.read_bytes())
    except OSError as error:
        raise ReplayNotFound(f"{replay.name} can't be read: {error.strerror}") from error
    except _Surprise as error:
        kind = type(error).__name__
        raise DecodeFailed(f"the network stream makes no sense: {kind}: {error}") from error
    except BaseException as error:
        # a panic in native code is no Exception, and its class can't be imported
        if type(error).__name__ != "PanicException":
            raise
        raise DecodeFailed(f"the decoder panicked: {str(error)[:200]}") from error


def _findings(
    replay: Replay, header: HeaderFacts, decoded: Decoded | None
) -> tuple[Findings, _Faults]:
    frames = decoded.frames if decoded and decoded.frames.count else None
    statistics, faults = _statistics(frames) if frames else (None, ())
    cut = decoded is not None and not decoded.complete
    reading = Reading.HEADER_ONLY if not statistics else Reading.CUT if cut else Reading.WHOLE
    findings = Findings(
        sha256=replay.sha256, header=header, frames=frames, statistics=statistics, reading=reading
    )
    return findings, faults


def _timeline(findings: Findings, body: Body) -> tuple[Timeline | None, _Faults]:
    """Make the timeline; that it can't be made must not cost the body."""
    try:
        return timeline_of(findings.header, findings.frames, body.players), ()
    except _Surprise as error:
        kind = type(error).__name__
        return None, (f"the events can't be computed: {kind}: {error}",)


def _statistics(frames: Frames) -> tuple[MatchStatistics | None, _Faults]:
    """Compute; a match of a kind nobody has seen must not cost the header's facts."""
    try:
        return compute(frames), ()
    except _Surprise as error:
        kind = type(error).__name__
        return None, (f"the statistics can't be computed: {kind}: {error}",)
