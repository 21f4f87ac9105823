"""The parts of the soak; `../run` puts them together."""


class SoakError(Exception):
    """A promise that does not hold; the message says which, and where."""


class Skipped(Exception):
    """What this machine does not let the soak do; the message says what it lacks."""
