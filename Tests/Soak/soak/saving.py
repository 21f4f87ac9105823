"""Files saved as editors and deployments save them, and files that are wrong."""

import asyncio
import os


def rename_over(path, text):
    """Written beside and renamed over: most editors."""
    beside = os.path.join(os.path.dirname(path), f".{os.path.basename(path)}.new")
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
    os.rename(beside, path)


def write_in_place(path, text):
    """Cut to nothing and written: `>` in a shell."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def move_away(path, text):
    """The old one moved to a backup, a new one written: vim with a backup."""
    os.rename(path, path + "~")
    write_in_place(path, text)


def delete_and_write(path, text):
    os.remove(path)
    write_in_place(path, text)


def turn_link(path, text):
    """A link turned to another version: how a mounted ConfigMap is updated."""
    version = f"{path}.{os.urandom(4).hex()}.version"
    write_in_place(version, text)
    beside = path + ".link"
    os.symlink(version, beside)
    os.rename(beside, path)


async def write_in_halves(path, text):
    """A half, and later the rest."""
    with open(path, "w", encoding="utf-8") as file:
        file.write(text[: len(text) // 2])
        file.flush()
        await asyncio.sleep(0.05)
        file.write(text[len(text) // 2 :])


WAYS = [rename_over, write_in_place, move_away, delete_and_write, turn_link]


async def save(path, text, random):
    """Saves in one of the ways."""
    way = random.choice([*WAYS, write_in_halves])
    if way is write_in_halves:
        await way(path, text)
    else:
        way(path, text)
    for name in os.listdir(os.path.dirname(path)):
        # Old versions, but for the one that the link leads to.
        if name.endswith(".version") and os.path.realpath(path) != os.path.join(os.path.realpath(os.path.dirname(path)), name):
            os.remove(os.path.join(os.path.dirname(path), name))


# What is wrong with a file → how it is made so from a good one.
FAULTS = {
    "no YAML": lambda text: text.replace("prices:", "prices: [", 1),
    "half of it": lambda text: text[: len(text) // 2],
    "nothing": lambda text: "",
    "an unknown key": lambda text: text.replace("prices:", "prise:", 1),
    "a unit without a price": lambda text: text.replace("credit: ", "credits: ", 1),
    "a price that is none": lambda text: text.replace("credit: ", "credit: many # ", 1),
    "an example that fails": lambda text: text.replace("operation: fixed", "operation: miss", 1),
    "a slipped point": lambda text: text.replace("credit: ", "credit: 1000", 1),
}
