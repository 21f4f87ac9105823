"""Damage to a journal's end, as a kill or a loss of power may leave it. Reads no more of the format than it needs."""

import os
import zlib

HEADER, FRAME = 48, 12
KINDS = {1: "held", 2: "settled", 3: "released", 4: "priced"}
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def newest(folder):
    """The path of the newest segment; None without one."""
    names = sorted(name for name in os.listdir(folder) if name.endswith(".journal"))
    return os.path.join(folder, names[-1]) if names else None


def frames(path):
    """(offset, kind, call id) of every frame, in order."""
    with open(path, "rb") as file:
        data = file.read()
    salt = zlib.crc32(data[16:32])
    place, found = HEADER, []
    while place + FRAME <= len(data) and data[place : place + 2] == b"\xff\xfe":
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        end = place + FRAME + length
        checksum = zlib.crc32(data[place + FRAME : end], zlib.crc32(data[place + 2 : place + 8], salt))
        if end > len(data) or checksum != int.from_bytes(data[place + 8 : place + 12], "little"):
            break
        found.append((place, KINDS.get(data[place + 2]), ulid(data[place + FRAME : place + FRAME + 16])))
        place = end
    return found


def ulid(raw):
    value, text = int.from_bytes(raw, "big"), ""
    for _ in range(26):
        value, digit = divmod(value, 32)
        text = ALPHABET[digit] + text
    return text


def tear(folder, random):
    """Appends the beginning of an entry that never became whole. Nothing is lost by that."""
    path = newest(folder)
    if path is None:
        return "nothing"
    with open(path, "r+b") as file:
        data = file.read()
        found = frames(path)
        whole = data[found[-1][0] :] if found else b"\xff\xfe\x02\x00" + random.randbytes(200)
        file.seek(0, os.SEEK_END)
        file.write(whole[: random.randrange(1, len(whole))])
    return "torn"


def spoil(folder, random):
    """Cuts or scribbles over the last entry: (its kind, its call), or None when there is none."""
    path = newest(folder)
    found = frames(path) if path else []
    if not found:
        return None
    place, kind, call = found[-1]
    size = os.path.getsize(path)
    at = random.randrange(place, size)
    with open(path, "r+b") as file:
        if random.random() < 0.5:
            file.truncate(at)
        else:
            file.seek(at)
            byte = file.read(1)
            file.seek(at)
            file.write(bytes([byte[0] ^ random.randrange(1, 256)]))
    return kind, call
