"""A Postgres server of the soak's own, and a relay in front of it that can be cut."""

import asyncio
import contextlib
import glob
import os
import pwd
import shutil
import signal
import tempfile

from . import Skipped, SoakError
from .gateway import free_ports


class Server:
    """An asynchronous context manager: leaving it ends the server and removes its folder."""

    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[4]))
        if not found:
            raise Skipped("Debian's postgresql is not installed")
        self.binaries = found[-1]
        self.folder = tempfile.mkdtemp(prefix="soak-postgres-", dir="/tmp")
        # Postgres refuses to be run by root.
        self.user = {}
        if os.getuid() == 0:
            owner = pwd.getpwnam("postgres")
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
            self.user = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
        self.port, self.child = free_ports(1)[0], None

    async def __aenter__(self):
        await self.run("initdb", "-D", f"{self.folder}/data", "-U", "postgres", "-A", "trust", "--no-sync")
        await self.start()
        await self.sql("CREATE DATABASE books", database="postgres")
        return self

    async def __aexit__(self, *_):
        if self.child and self.child.returncode is None:
            self.child.send_signal(signal.SIGQUIT)
            await self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def run(self, program, *arguments):
        child = await asyncio.create_subprocess_exec(
            f"{self.binaries}/{program}", *arguments, cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE, **self.user)  # fmt: skip
        output, errors = await child.communicate()
        if child.returncode != 0:
            raise SoakError(f"{program}: {errors.decode()}")
        return output.decode()

    async def start(self):
        with open(os.path.join(self.folder, "log"), "ab") as log:
            self.child = await asyncio.create_subprocess_exec(
                f"{self.binaries}/postgres", "-D", f"{self.folder}/data", "-p", str(self.port), "-k", self.folder, "-h", "127.0.0.1",
                "-c", "max_connections=60", "-c", "fsync=off", cwd=self.folder, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, **self.user)  # fmt: skip
        for _ in range(600):
            with contextlib.suppress(SoakError):
                await self.sql("SELECT 1", database="postgres")
                return
            await asyncio.sleep(0.05)
        raise SoakError("Postgres does not start")

    async def restart(self, by):
        """Ends it by a signal to the first process, and starts it again."""
        self.child.send_signal(by)
        await self.child.wait()
        # Killed processes may keep the port and the memory for a moment.
        for _ in range(100):
            try:
                await self.start()
                return
            except SoakError:
                if self.child.returncode is None:
                    raise
        raise SoakError("Postgres does not start again")

    async def sql(self, text, database="books"):
        """The rows, as lists of texts."""
        output = await self.run(
            "psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-d", database, "-c", text)
        return [line.split("\t") for line in output.splitlines()]


class Relay:
    """Passes connections on to a port. While it is cut nothing passes, and nobody is told."""

    def __init__(self, port):
        self.target = port
        self.flows = asyncio.Event()
        self.flows.set()

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.flows.set()
        self.server.close()

    async def serve(self, reader, writer):
        await self.flows.wait()
        try:
            there = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self.pump(reader, there[1]), self.pump(there[0], writer))

    async def pump(self, reader, writer):
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self.flows.wait()
                writer.write(data)
                await writer.drain()
        writer.close()
