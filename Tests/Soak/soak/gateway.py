"""Gateways under test: each in a folder of its own, on ports of its own, started, killed, stopped and asked."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import sqlite3
import tempfile
import time
from contextlib import closing

from . import SoakError
from .callers import WORKSPACES, exchange

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
READY_SECONDS = 40
PATIENCE = 60


def free_ports(count):
    """Different ports of the loopback address that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


class Gateway:
    """A gateway process and its folder. An asynchronous context manager: leaving it ends the process and removes the folder."""

    def __init__(self, executable, provider_url, name="gateway", ledger="ledger", journal="journal", policy="open", synchronous="normal",
                 environment=None, limits=None):  # fmt: skip
        self.executable, self.child = executable, None
        self.environment = environment or {}
        self.folder = tempfile.mkdtemp(prefix=f"soak-{name}-")
        self.port, self.admin_port = free_ports(2)
        self.ledger_folder, self.journal = os.path.join(self.folder, ledger), os.path.join(self.folder, journal)
        self.database = os.path.join(self.ledger_folder, "gateway.db")
        os.makedirs(self.ledger_folder)
        self.starts = []
        limit = {"daily": 1_000_000, "monthly": 1_000_000, "enforcement": "enforce"}
        self.configuration = {
            "gateway": 1,
            "listen": f"127.0.0.1:{self.port}",
            "admin": {"listen": f"127.0.0.1:{self.admin_port}"},
            "plugins": os.path.join(FOLDER, "plugins"),
            "ledger": {"url": f"sqlite:{self.database}", "journal": self.journal, "synchronous": synchronous},
            "auth": {"mode": "header"},
            "budgets": {"default": limit, "workspaces": {name: limit | more for name, more in WORKSPACES.items()}},
            "providers": {"soak": {"url": provider_url}},
            "on_tracker_error": policy,
            "limits": {"buffered_response": "64KiB"} | (limits or {}),
        }
        self.config = os.path.join(self.folder, "config.yaml")
        self.configure()

    def configure(self):
        with open(self.config, "w", encoding="utf-8") as file:
            json.dump(self.configuration, file, indent=2)  # JSON is YAML.

    def own_plugins(self):
        """A folder for its adapters alone, empty at first; the folder."""
        folder = os.path.join(self.folder, "plugins")
        if not os.path.isdir(folder):
            os.mkdir(folder)
            self.configuration["plugins"] = folder
            self.configure()
        return folder

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        if self.child and self.child.returncode is None:
            self.child.kill()
            await self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # MARK: The process

    @property
    def log_path(self):
        return os.path.join(self.folder, "error.log")

    @property
    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    async def spawn(self, errors=None):
        """Starts the process and does not wait for anything."""
        with open(self.log_path, "ab") as log, open(os.path.join(self.folder, "output.log"), "ab") as output:
            self.child = await asyncio.create_subprocess_exec(
                self.executable, "serve", "--config", self.config, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=output,
                stderr=errors or log, env=dict(os.environ) | self.environment)  # fmt: skip

    async def start(self, errors=None):
        """Starts the process and waits until both planes answer."""
        started = time.monotonic()
        await self.spawn(errors)
        while True:
            if self.child.returncode is not None:
                raise SoakError(f"the gateway ended with exit code {self.child.returncode}{self.end_of_log()}")
            try:
                await self.admin("GET", "/healthz")
                status, _, _ = await self.ask(self.port, "GET", "/_gateway/health")
                if status == 200:
                    break
            except (OSError, asyncio.IncompleteReadError):
                pass
            if time.monotonic() > started + READY_SECONDS:
                raise SoakError(f"the gateway is not ready after {READY_SECONDS} s{self.end_of_log()}")
            await asyncio.sleep(0.02)
        self.starts.append(time.monotonic() - started)

    async def kill(self):
        self.check_running()
        self.child.send_signal(signal.SIGKILL)
        await self.child.wait()

    async def stop(self):
        """Ends the process in good order."""
        self.check_running()
        self.child.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            code = await self.child.wait()
        if code != 0:
            raise SoakError(f"the gateway stopped with exit code {code}{self.end_of_log()}")

    def check_running(self):
        if self.child.returncode is not None:
            raise SoakError(f"the gateway ended by itself with exit code {self.child.returncode}{self.end_of_log()}")

    def end_of_log(self):
        lines = self.log.splitlines() if os.path.exists(self.log_path) else []
        return "".join(f"\n    {line[:300]}" for line in lines if not line.startswith("gateway-replay/1"))[-4000:]

    async def command(self, *arguments, config=None):
        """Runs another command of the executable: exit code, output, errors."""
        child = await asyncio.create_subprocess_exec(
            self.executable, *arguments, "--config", config or self.config, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE)  # fmt: skip
        output, errors = await child.communicate()
        return child.returncode, output.decode(), errors.decode()

    # MARK: What it says

    @staticmethod
    async def ask(port, method, path, headers=None):
        async with asyncio.timeout(READY_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                return await exchange(reader, writer, method, path, {"Connection": "close"} | (headers or {}))
            finally:
                writer.close()

    async def admin(self, method, path):
        status, _, body = await self.ask(self.admin_port, method, path)
        return status, body

    async def metrics(self):
        """Series → value."""
        _, body = await self.admin("GET", "/metrics")
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in body.decode().splitlines() if line[:1] != "#")}

    async def ready(self):
        """The status of /readyz and what it says."""
        status, body = await self.admin("GET", "/readyz")
        return status, json.loads(body)

    async def budget(self, workspace, user=None):
        headers = {"X-Workspace-Id": workspace, "X-User-Id": user}
        status, _, body = await self.ask(self.port, "GET", "/_gateway/budget", headers)
        if status != 200:
            raise SoakError(f"/_gateway/budget answered {status}: {body[:300]}")
        return json.loads(body)

    async def until(self, what, condition, patience=PATIENCE):
        """Waits until an asynchronous condition holds; its value."""
        deadline = time.monotonic() + patience
        while True:
            self.check_running()
            if value := await condition():
                return value
            if time.monotonic() > deadline:
                raise SoakError(f"never happened: {what}. /readyz: {await self.ready()}{self.end_of_log()}")
            await asyncio.sleep(0.05)

    async def settled(self):
        """Waits until nothing is in flight, and the ledger has everything and is well."""

        async def is_settled():
            metrics, (_, ready) = await self.metrics(), await self.ready()
            return (ready["status"] == "ready" and metrics["gateway_reservations_open"] == 0 and metrics["gateway_held_dollars"] == 0
                    and metrics["gateway_ledger_backlog_records"] == 0 and metrics["gateway_ledger_backlog_bytes"] == 0)  # fmt: skip

        await self.until("everything is settled and in the ledger", is_settled)

    def query(self, sql, *values, database=None):
        """Reads the ledger's file."""
        with closing(sqlite3.connect(f"file:{database or self.database}?mode=ro", uri=True, timeout=20)) as connection:
            return connection.execute(sql, values).fetchall()
