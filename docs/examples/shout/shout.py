from parsekit import Job, Parsed, ParserEntry, ProviderContext, Replay, hookimpl


class Shout:
    def __init__(self, context: ProviderContext) -> None:
        self.limit_s = context.parse_seconds

    def parse(self, replay: Replay, job: Job) -> Parsed:
        return Parsed(data={"title": replay.name.upper(), "bytes": replay.size_bytes})


@hookimpl
def parsekit_register_parsers(register):
    register(ParserEntry(name="shout", version="1", create=Shout))
