"""CPU time of processes and their threads, from /proc, in microseconds. Its resolution is one clock tick (10 ms on most kernels)."""

import os

TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")


def _stat(path):
    """The name, the parent's id and the CPU time (user and system) in a stat file."""
    with open(path, encoding="utf-8", errors="replace") as file:
        text = file.read()
    # The name is in parentheses and may contain any of them and spaces.
    name, rest = text[text.index("(") + 1 : text.rindex(")")], text[text.rindex(")") + 2 :].split()
    return name, int(rest[1]), (int(rest[11]) + int(rest[12])) * TICK


def with_children(pid):
    """A process and its direct children, such as nginx's workers."""
    found = [pid]
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if _stat(f"/proc/{entry}/stat")[1] == pid:
                found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError):
            continue  # It ended meanwhile.
    return found


def process(pid):
    """What a process has used with all its threads, ended ones included."""
    return _stat(f"/proc/{pid}/stat")[2]


def threads(pid):
    """What each running thread has used: thread id → (name, microseconds)."""
    used = {}
    for entry in os.listdir(f"/proc/{pid}/task"):
        try:
            name, _, time = _stat(f"/proc/{pid}/task/{entry}/stat")
        except (FileNotFoundError, ProcessLookupError):
            continue
        used[int(entry)] = (name, time)
    return used


class Meter:
    """What a server uses between two points in time."""

    def __init__(self, pid):
        self.pid = pid
        self.pids = with_children(pid)
        self.start = {one: process(one) for one in self.pids}
        self.threads_at_start = threads(pid)

    def total(self):
        """Microseconds since the start, of the process and its children."""
        return sum(process(one) - self.start[one] for one in self.pids)

    def by_part(self, parts):
        """Microseconds since the start by part. `parts` has (part, start of its threads' names); a part without a thread is left
        out. What no part names, and what threads used that have ended since, is under `None`."""
        total, sums = self.total(), {}
        for thread, (name, time) in threads(self.pid).items():
            part = next((part for part, prefix in parts if name.startswith(prefix)), None)
            if part is not None:
                sums[part] = sums.get(part, 0.0) + time - self.threads_at_start.get(thread, (name, 0.0))[1]
        sums[None] = max(0.0, total - sum(sums.values()))
        return sums


class Machine:
    """What the other programs on this machine take meanwhile."""

    def __init__(self):
        self.start, self.own_at_start = self._busy(), self._own()

    @staticmethod
    def _busy():
        """CPU time and all time of all cores, in ticks; what the host took from this machine counts as busy."""
        with open("/proc/stat", encoding="ascii") as file:
            user, nice, system, idle, wait, *others = map(int, file.readline().split()[1:9])
        busy = user + nice + system + sum(others)
        return busy, busy + idle + wait

    @staticmethod
    def _own():
        """CPU time of this process and of the children it has waited for, theirs included, in ticks."""
        return sum(os.times()[:4]) * 1_000_000 / TICK

    def foreign(self):
        """The share of the machine's time since the start that others used; to be asked when all servers have ended."""
        busy, time = (now - then for now, then in zip(self._busy(), self.start, strict=True))
        return max(0.0, busy - (self._own() - self.own_at_start)) / max(1, time)


class Cores:
    """Which cores the servers and the load run on. The proxy has one to itself where there are two; the upstream and the load
    generator share the other, or have one each where there are three."""

    def __init__(self, pinned=True):
        cores = sorted(os.sched_getaffinity(0))
        self.pinned = pinned and len(cores) > 1
        self.count = len(cores)
        self.proxy, self.upstream, self.load = cores[0], cores[1 % len(cores)], cores[min(2, len(cores) - 1)]

    def command(self, core, arguments):
        """The command line that runs on that core."""
        return ["taskset", "--cpu-list", str(core), *arguments] if self.pinned else list(arguments)

    def __str__(self):
        if not self.pinned:
            return f"{self.count} cores, shared by proxy, upstream and load generator (not pinned)"
        if self.upstream == self.load:
            return f"proxy alone on core {self.proxy}; upstream and load generator together on core {self.load}"
        return f"proxy on core {self.proxy}, upstream on core {self.upstream}, load generator on core {self.load}"
