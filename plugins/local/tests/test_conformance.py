from parsekit.testing import ParserConformance


class TestLocalParser(ParserConformance):
    parser = "local"
