"""From samples to a table: each figure as minimum, median and maximum over the rounds, and ratios of what one round measured."""

import statistics


def spread(values):
    """`None` when there is nothing to say."""
    values = [value for value in values if value is not None]
    if not values:
        return None
    return {"min": min(values), "median": statistics.median(values), "max": max(values), "rounds": len(values)}


def ratio(value, base):
    """`None` when the base is not above 0: a latency that noise makes negative has no ratio."""
    return value / base if base > 0 else None


def cell(found, digits):
    if found is None:
        return "-".rjust(26)
    texts = [f"{found[key]:,.{digits}f}" for key in ("min", "median", "max")]
    return f"{texts[0]:>8} {texts[1]:>8} {texts[2]:>8}"


# Figure, what it is, digits. The first four are what the benchmark is for.
FIGURES = [
    ("cpu", "CPU µs a request", 1),
    ("rate", "requests/s", 0),
    ("added_p50", "added latency p50, µs", 0),
    ("added_p99", "added latency p99, µs", 0),
    ("cpu_paced", "CPU µs a request, paced", 1),
    ("busy", "of one core used, per cent", 0),
]


def summary(rounds):
    """`rounds` is a list of {transport: {"nginx" | "gateway": {figure: value}}, "threads": …, "work": …, "operations": …,
    "normalizing": …}; spreads of the same shape."""
    found = {}
    for transport in ("plain", "tls"):
        found[transport] = {}
        for figure, _, _ in FIGURES:
            pairs = [(one[transport]["nginx"][figure], one[transport]["gateway"][figure]) for one in rounds]
            found[transport][figure] = {
                "nginx": spread([nginx for nginx, _ in pairs]),
                "gateway": spread([gateway for _, gateway in pairs]),
                "ratio": spread([ratio(gateway, nginx) for nginx, gateway in pairs]),
            }
    for name in ("threads", "work", "operations", "normalizing"):
        keys = rounds[0][name].keys()
        found[name] = {key: spread([one[name][key] for one in rounds]) for key in keys}
    found["drain_seconds"] = spread([one["drain_seconds"] for one in rounds])
    found["records"] = sum(one["records"] for one in rounds)
    return found


def text(found, notes):
    """The table for the terminal."""
    lines = list(notes)
    heading = f"{'min':>8} {'median':>8} {'max':>8}"
    for transport, title in (("plain", "Plain upstream"), ("tls", "TLS upstream")):
        lines += ["", f"{title:30} {'nginx':^26}   {'gateway':^26}   {'gateway ÷ nginx':^26}"]
        lines.append(f"{'':30} {heading}   {heading}   {heading}")
        for figure, label, digits in FIGURES:
            row = found[transport][figure]
            ratios = " " * 26 if figure == "busy" else cell(row["ratio"], 2)
            lines.append(f"{label:30} {cell(row['nginx'], digits)}   {cell(row['gateway'], digits)}   {ratios}")
    base = found["plain"]["cpu"]["nginx"]["median"]
    sections = [
        ("work", "Where a metered call's CPU goes (plain upstream)"),
        ("threads", "The same by thread"),
        ("operations", "By operation"),
        ("normalizing", "An answer of 16 KB"),
    ]
    for name, title in sections:
        lines += ["", f"{title:50} {heading}   {'nginx = 1':>9}", f"{'':50} {'CPU µs a request':^26}"]
        for key, value in found[name].items():
            lines.append(f"    {key:46} {cell(value, 1)}   " + (f"{value['median'] / base:>9.2f}" if value else f"{'-':>9}"))
    missing = [key for key, value in found["threads"].items() if value is None]
    if missing:
        lines.append(f"No thread has the name of: {', '.join(missing)}. Its time is in the last line.")
    drain = found["drain_seconds"]
    lines += [
        "",
        f"{found['records']:,} calls forwarded, each recorded once and at its exact cost.",
        f"After a run at full speed the ledger had the last record {drain['median']:.1f} s later (at most {drain['max']:.1f} s); "
        "the CPU figures include that work.",
    ]
    return "\n".join(line.rstrip() for line in lines)
