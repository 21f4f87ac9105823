"""The event streams among the adapters' own examples: what a caller asks, and every byte of what the provider sends.

Only as much of YAML is read as these examples use: a request's body as flow mappings or one member a line, an answer's body as a block of
text. What is written otherwise is an error that names the example."""

import json
import os
import re
from dataclasses import dataclass

from . import SoakError

PLUGINS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))), "plugins")


@dataclass(frozen=True)
class Example:
    """`estimate` and `cost` are texts, as the adapter's author expects them."""

    provider: str
    name: str
    path: str
    request: dict
    stream: bytes
    operation: str
    estimate: str
    cost: str

    def __str__(self):
        return f"{self.provider}: {self.name}"


def streams(folder=PLUGINS):
    """All of them, in the order of their files."""
    return [example for file in sorted(os.listdir(folder)) if file.endswith(".yaml") for example in of_adapter(os.path.join(folder, file))]


def of_adapter(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    provider = re.search(r"^provider: (\S+)$", text, re.M)[1]
    for part in text.split("\nexamples:\n")[1].split("\n  - name: "):
        if "text/event-stream" in part:
            yield example(provider, part.removeprefix("  - name: "))


def example(provider, text):
    name = text.split("\n")[0]
    try:
        request, response = re.split(r"\n    response:\n", text)
        body, expectation = re.search(r"\n      body: \|\+\n(.*)    expect: (.*?)\n?\Z", response, re.S).groups()
        method, path = (re.search(rf"\n      {key}: (\S+)", request)[1] for key in ("method", "path"))
        assert method == "POST"
        expected = Flow(expectation).whole()
        stream = "".join(line.removeprefix("        ") + "\n" for line in body.split("\n")[:-1])
        return Example(
            provider, name, path, members(request.split("\n      body:")[1]), stream.encode(), expected["operation"], expected["estimate"],
            expected["cost"])  # fmt: skip
    except (AssertionError, AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise SoakError(f"{provider}: the example {name!r} is written in a way that is not read here ({error!r})") from error


def members(text):
    """A body: a flow mapping on the key's own line, or one member a line below it."""
    lines = [line.strip() for line in text.strip().split("\n")]
    if lines[0].startswith("{"):
        return Flow(" ".join(lines)).whole()
    return {name: Flow(value).whole() for name, value in (line.split(": ", 1) for line in lines)}


class Flow:
    """Flow style: `{ a: 1, b: [ x, "y" ] }`."""

    WORDS = {"true": True, "false": False, "null": None}

    def __init__(self, text):
        self.text, self.place = text, 0

    def whole(self):
        value = self.value()
        if self.text[self.place :].strip():
            raise ValueError(f"there is more: {self.text[self.place:][:40]}")
        return value

    def next(self, expected=None):
        while self.text[self.place : self.place + 1].isspace():
            self.place += 1
        found = self.text[self.place : self.place + 1]
        if expected is not None:
            if found not in expected:
                raise ValueError(f"{expected!r} is missing before {self.text[self.place:][:40]}")
            self.place += 1
        return found

    def value(self):
        match self.next():
            case "{":
                return dict(self.items("}", self.member))
            case "[":
                return list(self.items("]", self.value))
            case '"':
                found, self.place = json.JSONDecoder().raw_decode(self.text, self.place)
                return found
        plain = re.compile(r"(?:[^,:\]}]|:(?=\S))*").match(self.text, self.place)
        self.place = plain.end()
        word = plain[0].strip()
        if word in self.WORDS:
            return self.WORDS[word]
        return int(word) if re.fullmatch(r"-?\d+", word) else float(word) if re.fullmatch(r"-?\d+\.\d+", word) else word

    def items(self, end, item):
        self.place += 1
        while self.next() != end:
            yield item()
            if self.next() != end:
                self.next(",")
        self.place += 1

    def member(self):
        name = self.value()
        self.next(":")
        return name, self.value()


def keys(folder=PLUGINS):
    """A value for every environment variable that an adapter names."""
    names = set()
    for file in os.listdir(folder):
        with open(os.path.join(folder, file), encoding="utf-8") as adapter:
            names.update(re.findall(r"\$\{(\w+)\}", adapter.read()))
    return {name: "a-key" for name in names}
