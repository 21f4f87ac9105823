"""The corpus on which counts are compared: texts made by chance, out of real material, the same here and in Corpus.swift.

Everything is done to bytes with whole numbers, so that two languages have no way to differ."""

import pathlib

MATERIAL = (pathlib.Path(__file__).parent / "material.txt").read_bytes().split(b"\n\n")
SEPARATORS = [
    text.encode() for text in
    (" ", "\n", "\r\n", "  ", "\t", "\n\n", "'", "\u2019", "", "", "/", "\u00a0", "\u3000", " \n ", "\u200d", "\u0301", "1", "\r", "    ", "\u0e33")
]  # fmt: skip
UNITS = [
    text.encode() for text in
    ("a", "A", " ", "\n", "\r\n", "\t", "1", "0", "-", "=", "/", "'", "\u00e9", "\u4e2d", "\u0301", "\u0e33", "\U0001f600", "\U0001f44d\U0001f3fd",
     "\U0001f469\u200d", "\u00a0", "\u3000", "ab", "Ab", "aB", " a", "a ", " \n", "x\u0301", "the", "\u01c5", "\u0660", "\ufffd", "\u00df", "\u0416", "ha",
     "ACGT")
]  # fmt: skip
SUFFIXES = [text.encode() for text in ("s", "t", "re", "ve", "m", "ll", "d", "\u017f", "r", "l", "x", "")]
# Where scalars are taken from, first and last.
RANGES = [
    (0x00, 0x7F), (0x20, 0x7E), (0x41, 0x5A), (0x61, 0x7A), (0x80, 0x24F), (0x250, 0x36F), (0x370, 0x58F), (0x590, 0x8FF), (0x900, 0xDFF),
    (0xE00, 0x139F), (0x13A0, 0x1CFF), (0x1D00, 0x206F), (0x2070, 0x2BFF), (0x2C00, 0x33FF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7A3),
    (0xE000, 0xFFFF), (0x10000, 0x11FFF), (0x1D000, 0x1D7FF), (0x1F000, 0x1FAFF), (0x20000, 0x2FFFF), (0xE0000, 0xE01EF), (0x0, 0xD7FF), (0xE000, 0x10FFFF)
]  # fmt: skip


class Chance:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def below(self, bound):
        self.state = (self.state + 0x9E3779B97F4A7C15) % 2**64
        mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
        return ((mixed ^ (mixed >> 31)) >> 32) * bound >> 32

    def one(self, choices):
        return choices[self.below(len(choices))]

    def slice(self, longest, whole=True):
        """A part of the material, of whole characters unless told otherwise."""
        section = self.one(MATERIAL)
        start = self.below(len(section))
        end = min(len(section), start + 1 + self.below(longest))
        if whole:
            while start > 0 and section[start] & 0xC0 == 0x80:
                start -= 1
            while end < len(section) and section[end] & 0xC0 == 0x80:
                end += 1
        return section[start:end]


def scalars(chance):
    text = b""
    first, last = chance.one(RANGES)
    for _ in range(1 + chance.below(24)):
        if chance.below(4) == 0:
            first, last = chance.one(RANGES)
        text += chr(first + chance.below(last - first + 1)).encode()
    return text


def runs(chance):
    return b"".join(chance.one(UNITS) * (1 + chance.below(chance.one((3, 12, 300)))) for _ in range(1 + chance.below(4)))


def contractions(chance):
    text = b""
    for _ in range(1 + chance.below(12)):
        suffix = bytes(byte ^ 0x20 if byte < 0x80 and chance.below(2) else byte for byte in chance.one(SUFFIXES))
        text += chance.slice(8) + chance.one((b"'", b"'", b"\xe2\x80\x99")) + suffix + chance.one(SEPARATORS)
    return text


def is_letter(byte):
    return 0x41 <= byte & 0xDF <= 0x5A


def text(chance, kind):
    if kind == 0:
        return chance.slice(600)
    if kind == 1:
        return b"".join(chance.slice(60) + chance.one(SEPARATORS) for _ in range(1 + chance.below(8)))
    if kind == 2:
        return scalars(chance)
    if kind == 3:
        return runs(chance)
    if kind == 4:
        return contractions(chance)
    if kind == 5:
        return bytes(byte ^ 0x20 if is_letter(byte) and chance.below(3) == 0 else byte for byte in chance.slice(300))
    if kind == 6:
        damaged = bytearray(chance.slice(200, whole=False))
        for _ in range(chance.below(6)):
            place = chance.below(len(damaged))
            damaged[place] = chance.below(256)
        return bytes(damaged)
    if kind == 7:
        return b"".join(chance.slice(12) + scalars(chance)[:24] + chance.one(UNITS) for _ in range(1 + chance.below(5)))
    # A word without end.
    return b"".join(bytes(byte for byte in chance.slice(400) if byte > 0x20) for _ in range(1 + chance.below(16)))


def corpus(seed, count):
    for number in range(count):
        chance = Chance(seed * 2**32 + number)
        yield text(chance, 8 if number % 100 == 99 else number % 8)
