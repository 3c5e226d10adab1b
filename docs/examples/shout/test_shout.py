from parsekit.testing import ParserConformance


class TestShout(ParserConformance):
    parser = "shout"
