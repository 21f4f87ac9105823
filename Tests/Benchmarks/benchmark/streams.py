"""Event streams through the gateway and without it, side by side: the time to the first event, and how late each further one is."""

import json
import os
import subprocess
import sys

from . import BenchmarkError, cpu, report
from .servers import Server, free_ports

TESTS = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOAK, PLUGINS = os.path.join(TESTS, "Soak"), os.path.join(os.path.dirname(TESTS), "plugins")
# So many at once, of so many events with so much between them: 3,200 events and 128 new streams a second.
STREAMS, EVENTS, INTERVAL = 64, 25, 0.02
PATH = "/v1/chat/completions"
# Figure, what it is, sample, percentile.
FIGURES = [
    ("first_p50", "first event p50, ms", "first", "p50"),
    ("first_p99", "first event p99, ms", "first", "p99"),
    ("late_p50", "an event's delay p50, ms", "late", "p50"),
    ("late_p99", "an event's delay p99, ms", "late", "p99"),
    ("gap_p50", "off the beat p50, ms", "gap", "p50"),
    ("gap_p99", "off the beat p99, ms", "gap", "p99"),
]


class Gateway(Server):
    """A gateway with everything on and the adapter of a provider that streams."""

    def __init__(self, executable, provider_port, cores, synchronous):
        super().__init__("gateway")
        try:
            self.port, admin_port = free_ports(2)
            configuration = {
                "gateway": 1,
                "listen": f"127.0.0.1:{self.port}",
                "admin": {"listen": f"127.0.0.1:{admin_port}"},
                "plugins": PLUGINS,
                "ledger": {
                    "url": f"sqlite:{os.path.join(self.folder, 'ledger.db')}",
                    "journal": os.path.join(self.folder, "journal"),
                    "synchronous": synchronous,
                },
                "auth": {"mode": "header"},
                "budgets": {"default": {"daily": 1_000_000, "monthly": 1_000_000, "enforcement": "enforce"}},
                "providers": {"openai": {"url": f"http://127.0.0.1:{provider_port}"}},
            }
            config = os.path.join(self.folder, "config.yaml")
            with open(config, "w", encoding="utf-8") as file:
                json.dump(configuration, file, indent=2)  # JSON is YAML.
            command = ["env", "OPENAI_API_KEY=benchmark", executable, "serve", "--config", config, "--event-loops", "1"]
            self.start(cores.command(cores.proxy, command), self.port)
        except BaseException:
            self.__exit__()
            raise


def crowd(cores, core, *arguments):
    return subprocess.Popen(
        cores.command(core, [sys.executable, "-B", "-m", "soak.crowd", *map(str, arguments)]), cwd=SOAK, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True)  # fmt: skip


def one(options, executable, cores, through):
    """The figures of streams that are read directly, or through a gateway."""
    provider = crowd(cores, cores.upstream, "provider", "--interval", INTERVAL, "--events", EVENTS)
    try:
        port = int(provider.stdout.readline())
        if not through:
            return read(options, cores, port, PATH)
        with Gateway(executable, port, cores, options.synchronous) as gateway:
            meter = cpu.Meter(gateway.pid)
            figures = read(options, cores, gateway.port, "/openai" + PATH)
            figures["cpu"] = meter.total() / figures["events"]
            if gateway.stop() != 0:
                raise BenchmarkError(f"the gateway stopped with an error{gateway.log()}")
            return figures
    finally:
        provider.kill()
        provider.communicate()


def read(options, cores, port, path):
    arguments = ["callers", "--port", port, "--path", path, "--streams", STREAMS, "--seconds", options.seconds, "--again"]
    callers = crowd(cores, cores.load, *arguments)
    output, _ = callers.communicate(timeout=options.seconds + 60)
    seen = json.loads(output.splitlines()[-1]) if callers.returncode == 0 else {"troubles": [output]}
    if seen["troubles"] or seen["events"] != seen["whole"] * EVENTS:
        raise BenchmarkError(f"streams were not read whole: {seen}")
    return {figure: seen["samples"][sample][at] for figure, _, sample, at in FIGURES} | {"events": seen["events"], "whole": seen["whole"]}


def measure(options, executable):
    cores, machine, rounds = cpu.Cores(not options.no_pin), cpu.Machine(), []
    for number in range(options.rounds):
        order = [False, True] if number % 2 == 0 else [True, False]
        found = {through: one(options, executable, cores, through) for through in order}
        rounds.append({"direct": found[False], "gateway": found[True]})
        print(f"round {number + 1} of {options.rounds}: first event p50 {found[False]['first_p50']:.2f} ms directly, "
              f"{found[True]['first_p50']:.2f} ms through the gateway", file=sys.stderr, flush=True)  # fmt: skip
    print(text(options, cores, rounds, machine.foreign()))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump({"rounds": rounds}, file, indent=2)
            file.write("\n")


def text(options, cores, rounds, foreign):
    heading = f"{'min':>8} {'median':>8} {'max':>8}"
    streams = sum(one["gateway"]["whole"] for one in rounds)
    lines = [
        f"{options.rounds} rounds of {options.seconds} s. {cores}.",
        f"{STREAMS} streams at once, {EVENTS} events each, one every {INTERVAL * 1000:.0f} ms; {streams:,} through the gateway, each metered.",
        f"Other programs used {foreign:.0%} of the machine meanwhile{': the figures are disturbed.' if foreign > 0.05 else '.'}",
        "",
        f"{'Event streams':30} {'without':^26}   {'gateway':^26}   {'added':^26}",
        f"{'':30} {heading}   {heading}   {heading}",
    ]
    for figure, label, _, _ in FIGURES:
        pairs = [(one["direct"][figure], one["gateway"][figure]) for one in rounds]
        columns = [[direct for direct, _ in pairs], [gateway for _, gateway in pairs], [gateway - direct for direct, gateway in pairs]]
        lines.append(f"{label:30} " + "   ".join(report.cell(report.spread(column), 2) for column in columns))
    lines += ["", f"{'CPU µs an event':30} {'':26}   {report.cell(report.spread([one['gateway']['cpu'] for one in rounds]), 1)}"]
    return "\n".join(line.rstrip() for line in lines)
