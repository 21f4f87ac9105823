"""`edits`: prices are saved under load, in every way in which editors save and every tenth time wrongly, and a plugin comes and goes.

No call fails, no connection drops, and every row's cost follows from the price version that it names."""

import asyncio
import contextlib
import json
import os
import random
import re
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

from . import SoakError, books, saving
from .callers import Load, exchange
from .gateway import FOLDER, Gateway
from .provider import CREDIT, KINDS, TOKEN, Provider

# Calls that end well whatever the price is.
PRICED = ["fixed", "miss", "header", "metered", "large", "odd", "stream", "error"]


async def run(options):
    """All edits; the report."""
    chance = random.Random(options.seed)
    async with Provider(options.seed) as provider, Gateway(options.gateway, provider.url) as gateway:
        prices, guest = Prices(gateway, chance), Guest(gateway, provider)
        await gateway.start()
        async with Load(gateway.port, options.seed, options.callers, PRICED) as load, guest:
            load.is_open.set()
            for number in range(1, options.count + 1):
                await prices.edit(number)
                if number % 5 == 0:
                    guest.come_or_go()
            load.is_open.clear()
            await load.idle.wait()
        await gateway.settled()
        report = check(gateway, provider, load, guest, prices)
        await gateway.stop()
        return report


class Prices:
    """The adapter's file in a folder of its own, and what it says now."""

    def __init__(self, gateway, chance):
        self.gateway, self.random = gateway, chance
        folder = gateway.own_plugins()
        self.path = os.path.join(folder, "soak.yaml")
        with open(os.path.join(FOLDER, "plugins", "soak.yaml"), encoding="utf-8") as file:
            # Examples say what operation serves them; what they cost is what changes.
            self.template = re.sub(r"expect: \{ (operation: \w+).*\}", r"expect: { \1 }", file.read())
        self.good, self.wrong, self.bursts, self.slipped, self.number = 0, 0, 0, 0, 0
        saving.write_in_place(self.path, self.text(CREDIT, TOKEN))

    def text(self, credit, token, more=""):
        text = self.template.replace("{ credit: 0.10 }", f"{{ credit: {credit}{more} }}")
        return text.replace("{ token: 3 / 1M }", f"{{ token: {token * 1_000_000} / 1M{more} }}")

    def another(self, more=""):
        """Prices that nobody has seen yet, within a factor of ten of all others."""
        self.number += 1
        credit = Decimal(self.random.randint(50, 450)) / 1000 + Decimal(self.number) / 10**8
        return self.text(credit, Decimal(self.random.randint(10, 90)) / 10**7, more)

    async def generation(self):
        _, body = await self.gateway.admin("GET", "/v1/config")
        said = json.loads(body)
        return said["generation"], said["last_reload"]["problems"]

    async def edit(self, number):
        before, _ = await self.generation()
        if number % 10 == 0:
            await self.save_wrongly(before)
        elif number % 25 == 1:
            # A hundred saves in a second; in the end the last one counts.
            for _ in range(100):
                saving.rename_over(self.path, self.another())
                await asyncio.sleep(0.01)
            self.bursts += 1
            await self.taken(before)
        elif number % 25 == 2:
            await self.save_confirmed(before)
        else:
            await saving.save(self.path, self.another(), self.random)
            await self.taken(before)
        self.good += number % 10 != 0

    async def taken(self, before):
        async def is_taken():
            generation, problems = await self.generation()
            return generation > before and not problems

        await self.gateway.until("a saved price is in force", is_taken)

    async def save_wrongly(self, before):
        """Refused as a whole; the right file, saved again, is no new generation."""
        with open(self.path, encoding="utf-8") as file:
            right = file.read()
        what = self.random.choice(list(saving.FAULTS))
        await saving.save(self.path, saving.FAULTS[what](right), self.random)
        self.wrong += 1

        async def is_refused():
            generation, problems = await self.generation()
            if generation != before:
                raise SoakError(f"a file with {what} is in force")
            return any(re.search(r"soak\.yaml:\d+:\d+: error: ", problem) for problem in problems)

        await self.gateway.until(f"a file with {what} is refused with its line", is_refused)
        await saving.save(self.path, right, self.random)

        async def is_over():
            generation, problems = await self.generation()
            return generation == before and not problems

        await self.gateway.until("the refusal is over", is_over)

    async def save_confirmed(self, before):
        """A price a hundred times as high is refused until its row says that it is meant; and so is the way back."""
        for factor in (100, 1):
            self.number += 1
            credit = CREDIT * factor + Decimal(self.number) / 10**8
            await saving.save(self.path, self.text(credit, TOKEN), self.random)

            async def is_refused():
                _, problems = await self.generation()
                return any("max_price_change" in problem for problem in problems)

            await self.gateway.until("a slipped point is refused", is_refused)
            await saving.save(self.path, self.text(credit, TOKEN, ", confirmed: true"), self.random)
            await self.taken(before)
            before, _ = await self.generation()
        self.slipped += 1


class Guest:
    """A second provider whose file comes and goes while it is called. Each call is served or told that there is no such provider."""

    def __init__(self, gateway, provider):
        self.gateway, self.path = gateway, os.path.join(gateway.own_plugins(), "guest.yaml")
        with open(os.path.join(FOLDER, "plugins", "soak.yaml"), encoding="utf-8") as file:
            text = file.read().replace("provider: soak", "provider: guest")
        self.text = text.replace("url: http://127.0.0.1:9", f"url: {provider.url}")
        self.served, self.refused, self.is_over = set(), 0, False

    def come_or_go(self):
        if os.path.exists(self.path):
            os.remove(self.path)
        else:
            saving.write_in_place(self.path, self.text)

    async def __aenter__(self):
        self.task = asyncio.create_task(self.call_on())
        return self

    async def __aexit__(self, *_):
        self.is_over = True
        await self.task

    async def call_on(self):
        reader, writer = await asyncio.open_connection("127.0.0.1", self.gateway.port)
        number = 0
        while not self.is_over:
            number += 1
            headers = {"X-Workspace-Id": "alpha"}
            status, fields, body = await exchange(reader, writer, "GET", f"/guest/v1/fixed/g{number}", headers)
            if status == 200:
                self.served.add(fields["x-gateway-request-id"])
            elif status == 404 and json.loads(body)["code"] == "unknown_provider":
                self.refused += 1
            else:
                raise SoakError(f"a call of a plugin that comes and goes: {status} {body[:300]}")
            await asyncio.sleep(0.01)
        writer.close()


def check(gateway, provider, load, guest, prices):
    """Every answer, its row and the price version that it names; the report."""
    wrong = books.Differences()
    versions = {}
    for version, canonical in gateway.query('SELECT "version", "canonical" FROM "price_versions" WHERE "apiProvider" = \'soak\''):
        versions[version] = {price["unit"]: Fraction(price["usd"]) for price in json.loads(canonical)["prices"]}
    columns = '"id", "endpoint", "operation", "cost", "priceVersion", "requestData"'
    rows = gateway.query(f'SELECT {columns} FROM "api_cost_tracking" WHERE "apiProvider" = \'soak\'')
    by_call = {row[1].rsplit("/", 1)[1]: row for row in rows}
    if len(by_call) != len(rows):
        wrong.add("a call has two rows", len(rows) - len(by_call))
    used = set()
    for call in load.calls.values():
        if call.status != KINDS[call.kind][2] or call.trouble:
            wrong.add("a call failed", call)
            continue
        row = by_call.get(call.name)
        if row is None or row[0] != call.id:
            wrong.add("an answer without its row", f"{call} {row}")
            continue
        _, _, kind, cost, version, data = row
        used.add(version)
        if version not in versions or version != call.headers["x-gateway-price-version"]:
            wrong.add("a row names another price version than its answer", f"{call} {row}")
            continue
        # How many units the provider's answer stands for, whatever they cost.
        unit = "credit" if kind in ("fixed", "miss", "header", "error") else "token"
        units = Fraction(provider.costs[call.name] / (CREDIT if unit == "credit" else TOKEN))
        exact = units * versions[version][unit]
        told = call.cost if call.cost is not None else Decimal(cost)
        nanos = (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(Decimal("1e-9"), ROUND_HALF_UP)
        lines = json.loads(data)["lines"]
        if Decimal(cost) != nanos or told != Decimal(cost) or any(Fraction(line["rate"]) != versions[version][line["unit"]] for line in lines):
            wrong.add("a row's cost does not follow from its price version", f"{call} {row}: {float(exact)}")
    found = {row[0] for row in gateway.query('SELECT "id" FROM "api_cost_tracking" WHERE "apiProvider" = \'guest\'')}
    if found != guest.served:
        wrong.add("the rows of the plugin that came and went are others than its answers", len(found ^ guest.served))
    if not guest.served or not guest.refused:
        wrong.add("the plugin did not come and go", f"{len(guest.served)} served, {guest.refused} refused")
    wrong.check("after the edits", gateway)
    return (
        f"edits: {prices.good} good saves ({prices.bursts} bursts of a hundred, {prices.slipped} large steps confirmed) and {prices.wrong} "
        f"wrong ones; {len(load.calls)} calls of {load.callers} callers, none failed, no connection dropped; their rows name {len(used)} price "
        f"versions, and every cost follows from its own; the plugin that came and went served {len(guest.served)} and was missed {guest.refused} times."
    )
