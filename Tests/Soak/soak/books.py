"""The books laid side by side: what callers were told, what the provider was asked, the ledger's rows, its rollups, the budgets."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from . import SoakError
from .callers import USERS, WORKSPACES


@dataclass
class Row:
    id: str
    workspace: str
    user: str | None
    operation: str
    call: str
    cost: Decimal
    estimate: Decimal
    basis: str
    status: int | None
    success: bool
    message: str | None
    created: str
    provider: str

    @property
    def is_interrupted(self):
        return self.message == "interrupted"


COLUMNS = '"id", "workspaceId", "userId", "operation", "endpoint", "cost", "estimate", "basis", "status", "success", "errorMessage", "createdAt", "apiProvider"'


def rows(gateway, database=None):
    """Every row of a ledger, by id."""
    found = {}
    for one in gateway.query(f'SELECT {COLUMNS} FROM "api_cost_tracking"', database=database):
        cost, estimate, call = Decimal(one[5]), Decimal(one[6]), one[4].rsplit("/", 1)[1]
        found[one[0]] = Row(one[0], one[1], one[2], one[3], call, cost, estimate, one[7], one[8], bool(one[9]), *one[10:])
    return found


def text(instant):
    """As the ledger writes it, so that texts sort as instants do."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def windows(zone, now):
    """The starts of the current day and month in a zone."""
    day = now.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    return text(day), text(day.replace(day=1))


class Differences:
    """What does not agree; a few of each kind are enough to see why."""

    def __init__(self):
        self.found = defaultdict(list)

    def add(self, what, detail=""):
        self.found[what].append(str(detail))

    def check(self, where, gateway):
        if not self.found:
            return
        lines = [f"{what} ({len(details)}): " + "; ".join(details[:3]) for what, details in self.found.items()]
        raise SoakError(f"{where}: the books disagree:\n  " + "\n  ".join(lines) + gateway.end_of_log())


async def check(where, gateway, load, provider, may_lose=frozenset(), lost_holds=0, is_part=False):
    """Checks all books of a gateway that is settled and has no call in flight.

    `may_lose` has ids of records whose last bytes were taken from the journal: such a call may be charged its estimate. `lost_holds` is
    how many calls may have no row for the same reason. `is_part` says that the ledger has some of the calls only. Returns the rows."""
    while is_near_midnight():
        await asyncio.sleep(1)
    await gateway.settled()
    table = await asyncio.to_thread(rows, gateway)
    wrong = Differences()
    check_rows(table, load, provider, wrong, may_lose, lost_holds, is_part)
    check_rollups(gateway, table, wrong)
    await check_budgets(gateway, table, wrong)
    metrics = await gateway.metrics()
    for name in ("gateway_reservations_unknown_total", "gateway_workspaces_unverified", "gateway_ledger_records_set_aside_total"):
        if metrics[name] != 0:
            wrong.add(f"{name} is not 0", metrics[name])
    wrong.check(where, gateway)
    return table


def check_rows(table, load, provider, wrong, may_lose, lost_holds, is_part):
    """Answers, what the provider was asked, and rows."""
    by_call = {}
    for row in table.values():
        if row.call in by_call:
            wrong.add("a call has two rows", row)
        by_call[row.call] = row
        call = load.calls.get(row.call)
        if call is None or (call.kind, call.workspace, call.user) != (row.operation, row.workspace, row.user):
            wrong.add("a row is of no call", row)
        if row.is_interrupted and (row.basis != "estimate" or row.cost != row.estimate or row.success):
            wrong.add("an interrupted call is not charged its estimate", row)
        if row.operation == "odd" and row.status == 200 and not (row.basis == "estimate" and (row.message or "").startswith("metering: ")):
            wrong.add("a body that no path fits is not charged its estimate, with the reason", row)
    for call in load.calls.values():
        row = by_call.get(call.name)
        if not call.is_whole or (is_part and row is None):
            continue
        if call.was_refused and call.headers.get("x-gateway-cost") == "0.00" and row is None:
            continue
        if row is None:
            wrong.add("an answer without a row", call)
            continue
        told = provider.costs.get(call.name) if call.cost is None else call.cost
        if call.id != row.id:
            wrong.add("an answer's row has another id", f"{call}, {row}")
        elif row.is_interrupted and (row.id in may_lose or call.is_unverified):
            pass  # Its record was lost with the bytes, or the journal had failed; its hold was there.
        elif row.is_interrupted or told != row.cost or provider.costs.get(call.name) != row.cost:
            wrong.add("an answer's row has another cost", f"{call}, {row}, the provider's answer costs {provider.costs.get(call.name)}")
    missing = [name for name in provider.seen if name in load.calls and name not in by_call]
    if len(missing) > lost_holds and not is_part:
        wrong.add("the provider was asked, and there is no row", [load.calls[name] for name in missing[:3]])
    for name, times in provider.seen.items():
        if times > 1 and name in load.calls:
            wrong.add("the provider was asked twice", load.calls[name])


def check_rollups(gateway, table, wrong):
    """The ledger's own sums."""
    expected = defaultdict(lambda: [0, 0])
    for row in table.values():
        zone = ZoneInfo(WORKSPACES[row.workspace]["timezone"])
        day = datetime.fromisoformat(row.created).astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
        sums = expected[row.workspace, text(day), row.provider, row.operation, row.user or ""]
        sums[0] += 1
        sums[1] += int(row.cost * 10**9)
    found = {
        (workspace, day, provider, operation, user): [calls, nanos]
        for workspace, day, provider, operation, user, calls, nanos in gateway.query(
            'SELECT "workspaceId", "day", "apiProvider", "operation", "userId", "calls", "costNanos" FROM "cost_rollups"')
    }  # fmt: skip
    for key in expected.keys() | found.keys():
        if expected.get(key) != found.get(key):
            wrong.add("a rollup is not the sum of its rows", f"{key}: rows {expected.get(key)}, rollup {found.get(key)}")


async def check_budgets(gateway, table, wrong):
    """The windows that callers see."""
    now = datetime.now(UTC)
    for workspace, settings in WORKSPACES.items():
        starts = windows(settings["timezone"], now)
        for user in USERS if workspace == "delta" else [None]:
            budget = await gateway.budget(workspace, user)
            if budget["state"] == "unverified":
                wrong.add("a budget is unverified", workspace)
            for scope in budget["scopes"]:
                counted = [row for row in table.values() if row.workspace == workspace]
                if scope["scope"] == "user":
                    counted = [row for row in counted if row.user == user]
                elif scope["scope"] == "provider":
                    counted = [row for row in counted if row.provider == scope["name"]]
                for window, start in zip(("daily", "monthly"), starts, strict=True):
                    spent = sum((row.cost for row in counted if row.created >= start), Decimal(0))
                    if Decimal(scope[window]["spent"]) != spent or Decimal(scope[window]["held"]) != 0:
                        wrong.add("a window's spend is not the sum of its rows", f"{workspace} {scope}: rows {spent} since {start}")


def is_near_midnight(seconds=15):
    """Whether a day of some workspace is about to begin: budgets read before and after that could not be compared."""
    now = datetime.now(UTC)
    return any(windows(w["timezone"], now) != windows(w["timezone"], now + timedelta(seconds=seconds)) for w in WORKSPACES.values())
