"""What is checked of a page and of a gateway: that two things are equal, and that something happens."""
import time


def until(what, condition):
    """Waits until a condition holds; its value."""
    end = time.monotonic() + 20
    while not (value := condition()):
        assert time.monotonic() < end, f"never happened: {what}"
        time.sleep(0.02)
    return value


def text(amount):
    """A decimal as the page shows it."""
    whole, _, fraction = f"{amount:f}".partition(".")
    fraction = fraction.rstrip("0")
    return f"{int(whole):,}.{fraction.ljust(2, '0')}"


def equal(found, wanted, what):
    assert found == wanted, f"{what}: {found!r} is not {wanted!r}"
