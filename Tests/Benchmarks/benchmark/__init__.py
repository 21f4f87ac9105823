"""The parts of the benchmark; `../run` puts them together."""


class BenchmarkError(Exception):
    """Something that makes the figures worthless; the message is for the terminal."""
