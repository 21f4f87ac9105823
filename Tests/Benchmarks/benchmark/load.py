"""The load: wrk, and what it says. A run with a single error is no measurement."""

import json
import os
import subprocess
from dataclasses import dataclass

from . import BenchmarkError
from .cpu import Cores

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SCRIPT = os.path.join(FOLDER, "load.lua")
REQUEST = os.path.join(FOLDER, "payloads", "request.json")
WORKSPACES = 32


@dataclass(frozen=True)
class Load:
    """A load: `pause` is the mean wait of a connection before each request in milliseconds, 0 for as fast as answers come; with
    `normalize` records are asked for."""

    connections: int
    seconds: int
    pause: int = 0
    normalize: bool = False


@dataclass(frozen=True)
class Result:
    requests: int
    seconds: float
    p50: int
    p99: int

    @property
    def rate(self):
        return self.requests / self.seconds


def run(url, path, load, cores: Cores):
    """Sends the load and returns what came back; latencies in microseconds."""
    arguments = [
        "wrk", "--threads", "1", "--connections", str(load.connections), "--duration", f"{load.seconds}s", "--timeout", "10s",
        "--script", SCRIPT, url, "--", path, REQUEST, str(WORKSPACES), str(load.pause),
        *(["normalize"] if load.normalize else []),
    ]  # fmt: skip
    done = subprocess.run(
        cores.command(cores.load, arguments), capture_output=True, text=True, timeout=load.seconds + 60, check=False)
    line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
    if done.returncode != 0 or line is None:
        raise BenchmarkError(f"wrk failed on {url}{path} (exit {done.returncode}): {(done.stderr or done.stdout).strip()}")
    said = json.loads(line.removeprefix("RESULT "))
    errors = {key: said[key] for key in ("connect", "read", "write", "timeout", "status") if said[key]}
    if errors:
        raise BenchmarkError(f"errors on {url}{path}: " + ", ".join(f"{count} × {kind}" for kind, count in errors.items()))
    if not said["requests"]:
        raise BenchmarkError(f"no answer from {url}{path}")
    return Result(said["requests"], said["microseconds"] / 1_000_000, said["p50"], said["p99"])
