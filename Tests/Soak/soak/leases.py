"""`leases`: gateways that share the budgets of one Postgres database, while they are killed, cut off from it, and it is restarted.

Each round has a workspace, and so a budget, of its own, for so many calls. Whatever happens, never are more charged and held; and once all
are back and callers keep asking, nothing of a call's cost is left."""

import asyncio
import contextlib
import random
import signal
from decimal import Decimal

from . import SoakError
from .callers import exchange
from .gateway import Gateway
from .postgres import Relay, Server
from .provider import CREDIT, Provider

GATEWAYS = 3
PATIENCE = 120
FAULTS = ["all", "return", "kill", "cut", "restart", "crash", "none"]


class SlowProvider(Provider):
    async def pause(self):
        await asyncio.sleep(self.random.uniform(0, 0.15))


async def run(options):
    """All rounds; the report."""
    async with contextlib.AsyncExitStack() as stack:
        provider = await stack.enter_async_context(SlowProvider(options.seed))
        server = await stack.enter_async_context(Server())
        relays = [await stack.enter_async_context(Relay(server.port)) for _ in range(GATEWAYS)]
        gateways = []
        for number, relay in enumerate(relays):
            gateway = await stack.enter_async_context(Gateway(options.gateway, provider.url, f"leases-{number}", policy="closed"))
            limit = float(CREDIT * options.calls)
            gateway.configuration["ledger"]["url"] = f"postgres://postgres@127.0.0.1:{relay.port}/books?connect_timeout=2"
            gateway.configuration["budgets"] = {"default": {"daily": limit, "monthly": limit * 100, "enforcement": "enforce"}}
            gateway.configure()
            gateways.append(gateway)
        code, _, errors = await gateways[0].command("migrate")
        if code != 0:
            raise SoakError(f"migrate: {errors}")
        await asyncio.gather(*(gateway.start() for gateway in gateways))
        rounds = Rounds(options, provider, server, relays, gateways)
        for number in range(options.rounds):
            await rounds.round(number)
        for gateway in gateways:
            await gateway.stop()
        left = await server.sql('SELECT sum("granted" - "used") FROM budget_leases')
        if left != [["0"]]:
            raise SoakError(f"gateways that have stopped keep {left} leased")
        return rounds.report()


class Rounds:
    def __init__(self, options, provider, server, relays, gateways):
        self.random = random.Random(options.seed)
        self.options, self.provider, self.server, self.relays, self.gateways = options, provider, server, relays, gateways
        self.is_over = False
        self.answers, self.refusals, self.failures, self.kills, self.cuts, self.restarts, self.interrupted = 0, 0, 0, 0, 0, 0, 0
        self.made = 0

    async def round(self, number):
        workspace = f"round-{number}"
        self.is_over = False
        callers = [asyncio.create_task(self.call_on(workspace)) for _ in range(self.options.callers)]
        watcher = asyncio.create_task(self.watch(workspace))
        try:
            await self.trouble(FAULTS[number] if number < len(FAULTS) else self.random.choice(FAULTS))
            await self.until_spent(workspace, watcher)
        finally:
            self.is_over = True
            await asyncio.gather(*callers)
            watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)
        for gateway in self.gateways:
            await gateway.settled()
        await self.check(workspace)

    # MARK: Callers

    async def call_on(self, workspace):
        connections = {}
        chance = random.Random(self.random.random())
        while not self.is_over:
            gateway = chance.choice(self.gateways)
            kind = chance.choice(["fixed", "fixed", "fixed", "miss"])
            self.made += 1
            name = f"{workspace}-{self.made}"
            try:
                async with asyncio.timeout(30):
                    if gateway.port not in connections:
                        connections[gateway.port] = await asyncio.open_connection("127.0.0.1", gateway.port)
                    path = f"/soak/v1/{kind}/{name}"
                    status, headers, body = await exchange(*connections[gateway.port], "GET", path, {"X-Workspace-Id": workspace})
                if status in (200, 404):
                    self.answers += 1
                    if headers["x-gateway-budget"] == "unverified":
                        raise SoakError("a call went through unverified")
                elif status == 429:
                    self.refusals += 1
                    await asyncio.sleep(chance.uniform(0.05, 0.5))
                elif status == 503:
                    self.failures += 1
                    await asyncio.sleep(chance.uniform(0.05, 0.3))
                else:
                    raise SoakError(f"{status} {body}")
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                self.failures += 1
                connections.pop(gateway.port, None)
                await asyncio.sleep(chance.uniform(0.02, 0.2))
        for _, writer in connections.values():
            writer.close()

    # MARK: Trouble

    async def trouble(self, kind):
        await asyncio.sleep(self.random.uniform(0, 0.6))
        match kind:
            case "kill":
                await self.kill(self.gateways, times=3)
            case "cut":
                await self.cut(self.random.randrange(GATEWAYS))
            case "restart":
                await self.restart(signal.SIGINT)
            case "crash":
                await self.restart(signal.SIGQUIT)
            case "return":
                await self.cut(self.random.randrange(GATEWAYS), kills=True)
            case "all":
                number = self.random.randrange(GATEWAYS)
                others = [gateway for gateway in self.gateways if gateway is not self.gateways[number]]
                await asyncio.gather(
                    self.cut(number, kills=self.random.random() < 0.5), self.restart(self.random.choice([signal.SIGINT, signal.SIGQUIT])),
                    self.kill(others, times=3))  # fmt: skip

    async def kill(self, gateways, times):
        for _ in range(times):
            await self.kill_one(self.random.choice(gateways))

    async def kill_one(self, gateway):
        await gateway.kill()
        self.kills += 1
        await asyncio.sleep(self.random.uniform(0, 0.5))
        await gateway.start()

    async def cut(self, number, kills=False):
        """Nothing comes through to the database, or back, for a while; perhaps killed meanwhile, and back with a full journal."""
        relay, gateway = self.relays[number], self.gateways[number]
        relay.flows.clear()
        self.cuts += 1
        await asyncio.sleep(self.random.uniform(0.5, self.options.cut))
        if kills:
            await gateway.kill()
            self.kills += 1
        # The others get what is free, and no more.
        await asyncio.sleep(self.random.uniform(0.5, self.options.cut))
        relay.flows.set()
        if kills:
            await gateway.start()

    async def restart(self, by):
        await self.server.restart(by)
        self.restarts += 1

    # MARK: What holds

    def limit(self):
        return CREDIT * self.options.calls

    async def sums(self, workspace):
        """What the rows come to, and what is spent and leased, or None while Postgres is away."""
        with contextlib.suppress(SoakError):
            rows = await self.server.sql(
                f"""SELECT (SELECT coalesce(sum(cost), 0) FROM api_cost_tracking WHERE "workspaceId" = '{workspace}'),
                    (SELECT coalesce(max("allocated"), 0) FROM budget_accounts WHERE "workspaceId" = '{workspace}' AND "scope" = 'workspace'
                        AND "windowEnd" - "windowStart" < '2 days')""")
            return Decimal(rows[0][0]), Decimal(rows[0][1]) / 10**9
        return None

    async def watch(self, workspace):
        while True:
            if sums := await self.sums(workspace):
                if max(sums) > self.limit():
                    raise SoakError(f"{workspace}: {sums[0]} in rows and {sums[1]} allocated of {self.limit()}")
            await asyncio.sleep(0.1)

    async def until_spent(self, workspace, watcher):
        """Everybody is back, and callers keep asking."""
        for _ in range(PATIENCE * 10):
            if watcher.done():
                watcher.result()
            if (sums := await self.sums(workspace)) and sums[0] > self.limit() - CREDIT:
                return
            for gateway in self.gateways:
                gateway.check_running()
            await asyncio.sleep(0.1)
        leases = await self.server.sql(f"SELECT * FROM budget_leases WHERE \"workspaceId\" = '{workspace}'")
        accounts = await self.server.sql(f"SELECT * FROM budget_accounts WHERE \"workspaceId\" = '{workspace}'")
        raise SoakError(f"{workspace}: only {sums} of {self.limit()} is spent: {leases} {accounts} {[g.end_of_log() for g in self.gateways]}")

    async def check(self, workspace):
        rows = await self.server.sql(
            f"""SELECT coalesce(sum(cost), 0), count(*) FILTER (WHERE "errorMessage" = 'interrupted') FROM api_cost_tracking
                WHERE "workspaceId" = '{workspace}'""")
        spent = Decimal(rows[0][0])
        self.interrupted += int(rows[0][1])
        if not self.limit() - CREDIT < spent <= self.limit():
            raise SoakError(f"{workspace}: {spent} spent of {self.limit()}")
        asked = sum(1 for call in self.provider.costs if call.startswith(f"{workspace}-") and self.provider.costs[call])
        if asked * CREDIT > self.limit():
            raise SoakError(f"{workspace}: the provider was asked for {asked} calls of {self.options.calls}")
        repeated = [call for call, times in self.provider.seen.items() if times > 1]
        if repeated:
            raise SoakError(f"asked for twice: {repeated[:5]}")
        for number, gateway in enumerate(self.gateways):
            # A call's answer, and not the last look: others' spending is told with it.
            await gateway.ask(gateway.port, "GET", f"/soak/v1/fixed/{workspace}-end-{number}", {"X-Workspace-Id": workspace})
            budget = await gateway.budget(workspace)
            if Decimal(budget["daily"]["held"]) != 0 or Decimal(budget["daily"]["spent"]) != spent:
                raise SoakError(f"{workspace}: gateway {number} says {budget['daily']}, and the rows {spent}{gateway.end_of_log()}")
        wrong = await self.server.sql(
            """SELECT "workspaceId" FROM budget_accounts AS account WHERE "allocated" <> "spent" + (
                SELECT coalesce(sum("granted" - "used"), 0) FROM budget_leases AS lease
                WHERE (lease."workspaceId", lease."scope", lease."scopeId", lease."windowStart", lease."windowEnd")
                    = (account."workspaceId", account."scope", account."scopeId", account."windowStart", account."windowEnd"))""")
        if wrong:
            raise SoakError(f"what is allocated is not what is spent and leased: {wrong}")

    def report(self):
        return (
            f"leases: {self.options.rounds} rounds of {GATEWAYS} gateways and {self.options.callers} callers, a budget for {self.options.calls} calls each; "
            f"{self.answers} answers, {self.refusals} refusals, {self.failures} failures; {self.kills} kills, {self.cuts} cuts, "
            f"{self.restarts} restarts of Postgres, {self.interrupted} calls interrupted. Never more was spent and leased, and nothing was left."
        )
