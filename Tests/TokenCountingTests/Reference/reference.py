#!/usr/bin/env python3
"""The encodings' data, and what PyPI's tiktoken says of them.

    reference.py data FOLDER         makes the files of Sources/CVocabularies from cl100k_base.tiktoken and o200k_base.tiktoken in FOLDER
                                     (PyPI's litellm carries them, under the names that tiktoken's cache gives them)
    reference.py expect SEED COUNT   writes what tiktoken makes of the corpus: for each text its number of tokens in o200k_base and cl100k_base
                                     (16 bits each) and a checksum of all of them (32 bits)
    reference.py scalars             writes such a checksum for each 256 scalars of the first two planes, each in several surroundings
    reference.py classes             writes unicode.classes as tiktoken has it now

All of it needs PyPI's tiktoken. `expect` and `scalars` have tiktoken read the vocabularies out of Sources/CVocabularies; it knows their SHA-256 itself."""

import base64
import hashlib
import os
import pathlib
import struct
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
DATA = HERE.parent.parent.parent / "Sources" / "CVocabularies"
ENCODINGS = ["o200k_base", "cl100k_base"]


def cache_name(encoding):
    """How tiktoken names the file in its cache."""
    return hashlib.sha1(f"https://openaipublic.blob.core.windows.net/encodings/{encoding}.tiktoken".encode()).hexdigest()


def make_data(folder):
    for encoding in ENCODINGS:
        path = folder / f"{encoding}.tiktoken"
        lines = (path if path.exists() else folder / cache_name(encoding)).read_bytes().splitlines()
        tokens = [base64.b64decode(line.split()[0]) for line in lines]
        if [int(line.split()[1]) for line in lines] != list(range(len(tokens))):
            sys.exit(f"{encoding}: a number is missing")
        (DATA / f"{encoding}.tokens").write_bytes(b"".join(bytes([len(token)]) + token for token in tokens))

    (DATA / "unicode.classes").write_bytes(classes())


def classes():
    """Where the class of a scalar changes, over all scalars."""
    import tiktoken

    # In the order of ScalarClass's bits; the last is all the rest.
    bits = [r"[\p{Lu}\p{Lt}]", r"\p{Ll}", r"[\p{Lm}\p{Lo}]", r"\p{M}", r"\p{N}", r"[^\S\r\n]", r"[\r\n]"]
    everything = "".join(chr(scalar) for scalar in range(0x110000) if not 0xD800 <= scalar <= 0xDFFF)
    found = [len(bits)] * 0x110000
    for bit, pattern in enumerate(bits):
        # What a pattern does not match has no tokens.
        only = tiktoken.Encoding("class", pat_str=pattern, mergeable_ranks={bytes([byte]): byte for byte in range(256)}, special_tokens={})
        for character in bytes(only.encode_ordinary(everything)).decode():
            found[ord(character)] = bit
    runs = [scalar for scalar in range(0x110000) if scalar == 0 or found[scalar] != found[scalar - 1]]
    return b"".join(struct.pack("<I", scalar | found[scalar] << 24) for scalar in runs)


def encodings():
    """tiktoken's own, with their vocabularies as this repository has them."""
    with tempfile.TemporaryDirectory() as folder:
        for encoding in ENCODINGS:
            data, position, lines = (DATA / f"{encoding}.tokens").read_bytes(), 0, []
            while position < len(data):
                token = data[position + 1 : position + 1 + data[position]]
                lines.append(b"%s %d\n" % (base64.b64encode(token), len(lines)))
                position += 1 + len(token)
            (pathlib.Path(folder) / cache_name(encoding)).write_bytes(b"".join(lines))
        os.environ["TIKTOKEN_CACHE_DIR"] = folder
        # A file that is not what it should be would be fetched anew: from nowhere.
        os.environ["HTTPS_PROXY"] = "http://127.0.0.1:9"
        import tiktoken

        return [tiktoken.get_encoding(encoding) for encoding in ENCODINGS]


def checksum(tokens, sum=2166136261):
    """FNV-1a, a token at a time."""
    for token in tokens:
        sum = (sum ^ token) * 16777619 % 2**32
    return sum


def expect(seed, count):
    from corpus import corpus

    first, second = encodings()
    for text in corpus(seed, count):
        decoded = text.decode("utf-8", "replace")
        one, other = first.encode_ordinary(decoded), second.encode_ordinary(decoded)
        sys.stdout.buffer.write(struct.pack("<HHI", len(one), len(other), checksum(other, checksum(one))))


def scalars():
    first, second = encodings()
    for page in range(0, 0x20000, 256):
        # Ideographs, syllables, and what is no character are all alike, and in the corpus.
        if 0x3400 <= page <= 0x9FFF or 0xAC00 <= page <= 0xF8FF or 0x17000 <= page <= 0x18BFF:
            continue
        text = "".join(f"{c}a {c}A{c}'S1{c}{c}中\n" for c in map(chr, range(page, page + 256)))
        sys.stdout.buffer.write(struct.pack("<I", checksum(second.encode_ordinary(text), checksum(first.encode_ordinary(text)))))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["data", folder]:
            make_data(pathlib.Path(folder))
        case ["expect", seed, count]:
            expect(int(seed), int(count))
        case ["scalars"]:
            scalars()
        case ["classes"]:
            sys.stdout.buffer.write(classes())
        case _:
            sys.exit(__doc__)
