"""What the events of a stream must come to, worked out again: by provider, in the fewest words, and apart from the adapters' own paths."""

import json
from dataclasses import dataclass, field


@dataclass
class Told:
    """What the events say so far. `answer` is the output that was reported last, and `text` all of it that was sent."""

    usage: dict = field(default_factory=dict)
    answer: int | None = None
    text: str = ""
    has_more: bool = False  # text since `answer` was reported
    searches: int | None = None  # None where a stream that was cut has not come to them
    is_whole: bool = False


def events(stream, with_rest):
    """The events' data, as far as they are JSON; with what has no empty line after it where that is wanted."""
    blocks = stream.split(b"\n\n")
    for block in blocks if with_rest else blocks[:-1]:
        data = b"\n".join(line[5:].removeprefix(b" ") for line in block.split(b"\n") if line.startswith(b"data:"))
        try:
            event = json.loads(data)
        except ValueError:
            continue
        yield event


def told(provider, operation, stream, is_whole, with_rest=False):
    """What a provider's stream says, cut where it may be."""
    usage_of, text_of, answer, searches_of = READERS[provider, operation]
    found = Told(searches=0 if is_whole else None, is_whole=is_whole)
    for event in events(stream, with_rest):
        if text := "".join(part for part in text_of(event) if isinstance(part, str)):
            found.text += text
            found.has_more = True
        usage = {name: value for name, value in (usage_of(event) or {}).items() if value is not None}
        found.usage |= usage
        if answer in usage:
            found.answer, found.has_more = usage[answer], False
        found.searches = searches_of(event) or found.searches
    if is_whole and provider == "gemini" and not found.text and found.answer is None:
        found.answer = 0  # It leaves out what is 0.
    return found


def quantities(provider, operation, told, estimates):
    """Unit → the least and the most that may be charged of it. What was not reported is as it was estimated; tokens of a text that were not
    reported are between one for 128 bytes and one for each byte."""
    has_reported = told.is_whole or told.usage or told.searches
    units = {
        unit: number if has_reported and number is not None else estimates[unit]
        for unit, number in UNITS[provider, operation](told).items()
    }
    bounds = {unit: (number, number) for unit, number in units.items()}
    size = len(told.text.encode())
    low = high = told.answer or 0
    if told.answer is None or told.has_more:
        low, high = max(low, -(-size // 128)), max(high, size)
    thoughts = told.usage.get("thoughtsTokenCount", 0)
    return bounds | {"output_token": (low + thoughts, high + thoughts)}


def is_complete(provider, operation, told):
    return told.answer is not None and not told.has_more and None not in UNITS[provider, operation](told).values()


def each(value, *names):
    """The members' values along some names; every element of a list on the way."""
    if not names:
        return [value]
    if isinstance(value, list):
        return [found for element in value for found in each(element, *names)]
    return each(value[names[0]], *names[1:]) if isinstance(value, dict) and names[0] in value else []


def one(value, *names):
    return next(iter(each(value, *names)), None)


def leaves(value):
    if isinstance(value, dict | list):
        return [leaf for element in (value.values() if isinstance(value, dict) else value) for leaf in leaves(element)]
    return [value]


def chat_text(event):
    delta = ["choices", "delta"]
    return [*each(event, *delta, "content"), *each(event, *delta, "refusal"), *each(event, *delta, "tool_calls", "function", "name"),
            *each(event, *delta, "tool_calls", "function", "arguments")]  # fmt: skip


def gemini_text(event):
    parts = each(event, "candidates", "content", "parts")
    parts = [part for part in (parts[0] if parts else []) if not part.get("thought")]
    return [part.get("text") for part in parts] + [leaf for part in parts for leaf in leaves(part.get("functionCall", {}))]


def nothing(_):
    return 0


def response_usage(event):
    return one(event, "response", "usage")


def message_usage(event):
    return one(event, "message", "usage") or one(event, "usage")


def agent_usage(event):
    usage = dict(response_usage(event) or {})
    return usage | {tool: call["invocation"] for tool, call in (usage.get("tool_calls_details") or {}).items()}


def chat_usage(event):
    return one(event, "usage")


# (provider, operation) → how an event is read: its usage, its text, what the usage calls the answer, its searches.
CHAT = (chat_usage, chat_text, "completion_tokens", nothing)
AGENT = (agent_usage, lambda event: each(event, "delta"), "output_tokens", nothing)
READERS = {
    ("openai", "chat"): CHAT,
    ("openai", "respond"): (
        response_usage, lambda event: each(event, "delta"), "output_tokens",
        lambda event: each(event, "response", "output", "type").count("web_search_call")),
    ("anthropic", "create_message"): (
        message_usage, lambda event: [*each(event, "delta", "text"), *each(event, "delta", "thinking"), *each(event, "delta", "partial_json")],
        "output_tokens", nothing),
    ("perplexity", "chat"): CHAT,
    ("perplexity", "sonar"): CHAT,
    ("perplexity", "respond"): AGENT,
    ("perplexity", "agent"): AGENT,
    ("gemini", "stream"): (
        lambda event: one(event, "usageMetadata"), gemini_text, "candidatesTokenCount",
        lambda event: sum(map(len, each(event, "candidates", "groundingMetadata", "webSearchQueries")))),
    ("brave", "answer"): CHAT,
}  # fmt: skip


def less(usage, whole, part):
    return None if whole not in usage else usage[whole] - (part or 0)


def openai_units(told, whole="prompt_tokens", details="prompt_tokens_details"):
    cached = (told.usage.get(details) or {}).get("cached_tokens", 0)
    return {"input_token": less(told.usage, whole, cached), "cached_token": cached}


def anthropic_units(told):
    usage = told.usage
    hour = (usage.get("cache_creation") or {}).get("ephemeral_1h_input_tokens", 0)
    return {
        "input_token": usage.get("input_tokens"),
        "cached_token": usage.get("cache_read_input_tokens", 0),
        "cache_write_token": usage.get("cache_creation_input_tokens", 0) - hour,
        "cache_write_1h_token": hour,
        "web_search": (usage.get("server_tool_use") or {}).get("web_search_requests", 0),
    }


def sonar_units(told):
    names = {"citation_token": "citation_tokens", "reasoning_token": "reasoning_tokens", "search_query": "num_search_queries"}
    return {"input_token": told.usage.get("prompt_tokens"), "request": 1} | {unit: told.usage.get(name, 0) for unit, name in names.items()}


def agent_units(told):
    cached = (told.usage.get("input_tokens_details") or {}).get("cache_read_input_tokens", 0)
    tools = ["web_search", "fetch_url", "people_search", "finance_search", "sandbox"]
    return {"input_token": less(told.usage, "input_tokens", cached), "cached_token": cached} | {t: told.usage.get(t, 0) for t in tools}


def gemini_units(told):
    cached = told.usage.get("cachedContentTokenCount", 0)
    brought = told.usage.get("toolUsePromptTokenCount", 0)
    return {
        "input_token": less(told.usage, "promptTokenCount", cached - brought), "cached_token": cached, "audio_token": 0,
        "cached_audio_token": 0, "grounded_prompt": told.searches and 1, "search_query": told.searches, "other_tool": 1,
    }  # fmt: skip


# (provider, operation) → every unit but the output: its quantity, or None where the events have not said it.
UNITS = {
    ("openai", "chat"): openai_units,
    ("openai", "respond"): lambda told: openai_units(told, "input_tokens", "input_tokens_details")
    | {"web_search": told.searches, "hosted_tool": 1},
    ("anthropic", "create_message"): anthropic_units,
    ("perplexity", "chat"): sonar_units,
    ("perplexity", "sonar"): sonar_units,
    ("perplexity", "respond"): agent_units,
    ("perplexity", "agent"): agent_units,
    ("gemini", "stream"): gemini_units,
    ("brave", "answer"): lambda told: {"query": None, "input_token": told.usage.get("prompt_tokens")},
}
