"""The gateway under measurement, with everything on: budgets, metering, journal, ledger. And the proof that it recorded every call."""

import json
import os
import sqlite3
import time
from contextlib import closing
from decimal import Decimal

from . import BenchmarkError
from .load import FOLDER, WORKSPACES
from .servers import Server, exchange, free_ports

# What an operation of plugins/bench.yaml is called on, and what the upstream's answer costs there.
OPERATIONS = {
    "chat": ("/v1/chat/completions", Decimal("0.0051954")),
    "search": ("/v1/search", Decimal("0.005")),
    "free": ("/v1/free", Decimal("0.00")),
    "person": ("/v1/people", Decimal("0.005")),
}

# Which threads of the gateway do one thing: part → the start of the thread's name. The ledger's writer shares the threads that
# have no name of their own with what rarely runs. libcurl's is for providers with HTTP/2 or behind a proxy: here it has nothing to do.
PARTS = [("event loop", "NIO-ELT"), ("libcurl", "curl"), ("journal", "journal")]

DRAIN_SECONDS = 120
# A record is in the tables within a second while the ledger is well; without a new one for longer, none is on its way.
QUIET_SECONDS = 1.1


class Gateway(Server):
    """A gateway with an empty ledger, or on the ledger of a URL. `completed` is how many answers callers got whole, by operation."""

    def __init__(self, executable, upstream, transport, cores, synchronous="normal", ledger=None):
        super().__init__("gateway")
        try:
            self.port, self.admin_port = free_ports(2)
            self.url = f"http://127.0.0.1:{self.port}"
            self.completed = {name: 0 for name in OPERATIONS}
            self.upstream, self.upstream_before = upstream, upstream.requests()
            self.database = os.path.join(self.folder, "ledger.db")
            provider = {"url": upstream.url(transport)}
            if transport == "tls":
                provider["ca"] = upstream.certificate
            budget = {"daily": 1_000_000, "monthly": 1_000_000, "timezone": "America/New_York", "enforcement": "enforce"}
            configuration = {
                "gateway": 1,
                "listen": f"127.0.0.1:{self.port}",
                "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
                "plugins": os.path.join(FOLDER, "plugins"),
                "ledger": {
                    "url": ledger or f"sqlite:{self.database}",
                    "journal": os.path.join(self.folder, "journal"),
                    "synchronous": synchronous,
                },
                "auth": {"mode": "header"},
                "budgets": {"default": budget},
                "providers": {"bench": provider},
            }
            self.config = os.path.join(self.folder, "config.yaml")
            with open(self.config, "w", encoding="utf-8") as file:
                json.dump(configuration, file, indent=2)  # JSON is YAML.
            self.start(cores.command(cores.proxy, [executable, "serve", "--config", self.config, "--event-loops", "1"]), self.port)
        except BaseException:
            self.__exit__()
            raise

    def path(self, operation):
        return "/bench" + OPERATIONS[operation][0]

    def probe_records(self):
        """One call for records. Throws where there is none."""
        fields = {"X-Workspace-Id": "workspace-001", "X-Gateway-Normalize": "true"}
        _, headers, body = exchange(self.port, self.path("person"), fields)
        self.completed["person"] += 1
        if headers.get("x-gateway-normalized") != "true" or len(json.loads(body)["records"][0]) < 30:
            raise BenchmarkError(f"the gateway made no record: {body[:300].decode(errors='replace')}{self.log()}")

    def probe(self, operation, answer):
        """One call, to see that the gateway does all that it is measured for. Throws what is missing."""
        status, headers, body = exchange(self.port, self.path(operation), {"X-Workspace-Id": "workspace-001"})
        self.completed[operation] += 1
        if status != 200 or body != answer:
            raise BenchmarkError(f"the gateway answered {operation} with {status}: {body[:300].decode(errors='replace')}{self.log()}")
        wanted = {
            "x-gateway-operation": operation.__eq__,
            "x-gateway-cost": lambda text: Decimal(text) == OPERATIONS[operation][1],
            "x-gateway-cost-basis": "table".__eq__,
            "x-gateway-budget": "ok".__eq__,
            "x-gateway-spend-daily": lambda text: Decimal(text) >= OPERATIONS[operation][1],
        }
        for name, holds in wanted.items():
            if name not in headers or not holds(headers[name]):
                raise BenchmarkError(f"the gateway's answer to {operation} says {name}: {headers.get(name, 'nothing')}")

    def _query(self, sql):
        with closing(sqlite3.connect(f"file:{self.database}?mode=ro", uri=True, timeout=10)) as database:
            return database.execute(sql).fetchall()

    def drain(self):
        """Waits until the ledger has every completed call and no more come in; how long that took in seconds. The CPU time of a
        run includes it: otherwise a ledger that fell behind would look cheap."""
        started, last, since, trouble = time.monotonic(), -1, 0.0, ""
        while True:
            self.check_running()
            try:
                # The row ids are dense, because nothing is deleted; a count would read the whole table each time.
                count = self._query('SELECT coalesce(max(rowid), 0) FROM "api_cost_tracking"')[0][0]
            except sqlite3.OperationalError as error:
                count, trouble = 0, f" ({error})"
            now = time.monotonic()
            if count != last:
                last, since = count, now
            elif count >= sum(self.completed.values()) and now - since > QUIET_SECONDS:
                return since - started
            if now - started > DRAIN_SECONDS:
                calls = sum(self.completed.values())
                raise BenchmarkError(f"after {DRAIN_SECONDS} s the ledger has {count} rows for {calls} calls{trouble}{self.log()}")
            time.sleep(0.05)

    def finish(self):
        """Stops the gateway and checks its ledger: as many rows as the upstream had requests, each at its exact cost, and no
        answered call without one. The number of rows."""
        code = self.stop()
        if code != 0:
            raise BenchmarkError(f"the gateway stopped with exit code {code}{self.log()}")
        good, wrong = {name: 0 for name in OPERATIONS}, []
        rows = self._query('SELECT "operation", "basis", "cost", count(*) FROM "api_cost_tracking" GROUP BY 1, 2, 3')
        for operation, basis, cost, count in rows:
            if operation in good and basis == "table" and Decimal(cost) == OPERATIONS[operation][1]:
                good[operation] += count
            else:
                wrong.append(f"{count} rows of {operation} with basis {basis} and cost {cost}")
        for operation, completed in self.completed.items():
            if good[operation] < completed:
                wrong.append(f"{good[operation]} right rows for {completed} answered calls of {operation}")
        # The last calls of a run have no reader any more; what the upstream had of them is paid for all the same.
        recorded, forwarded = sum(row[3] for row in rows), self.upstream.requests() - self.upstream_before
        if recorded != forwarded:
            wrong.append(f"{recorded} rows for {forwarded} forwarded calls")
        if wrong:
            raise BenchmarkError("the ledger is wrong: " + "; ".join(wrong))
        return recorded


def by_work(chat, search, free):
    """Where the CPU time of a metered call goes: microseconds by part (`PARTS` and None) of the three operations → microseconds by
    work, `None` where no thread could be told apart.

    The journal is a thread of its own, and the ledger's writer is on none of the named ones. What the event loop and libcurl do for
    a call that costs nothing is proxying (HTTP both ways, and making the record); what an operation with a price adds is the
    budget, and what reading both bodies adds is metering."""
    if any(part not in parts for part, _ in PARTS[:2] for parts in (chat, search, free)):
        proxying = budget = metering = None
    else:
        served = [parts["event loop"] + parts["libcurl"] for parts in (free, search, chat)]
        proxying, budget, metering = served[0], served[1] - served[0], served[2] - served[1]
    return {
        "proxying": proxying,
        "budget and price": budget,
        "metering of bodies": metering,
        "journal": chat.get("journal"),
        "ledger and the rest": chat[None],
    }


def normalizing(passed, normalized):
    """What records of a 16 KB answer cost: microseconds by part of a call that passes it on and of one that makes a record of it. Writing
    back a record that is smaller than the answer saves some of it."""
    before, after = sum(passed.values()), sum(normalized.values())
    loop = normalized[PARTS[0][0]] - passed[PARTS[0][0]] if PARTS[0][0] in passed and PARTS[0][0] in normalized else None
    return {
        "metered and passed on": before,
        "made a record of": after,
        "normalizing": after - before,
        "normalizing, event loop alone": loop,
    }
