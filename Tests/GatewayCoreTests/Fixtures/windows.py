"""Days and months of time zones, by Python's zoneinfo: what the gateway's are compared with.

    windows.py > windows.json           around every transition and month's end of 2018-2028 in zones that are known to be difficult
    windows.py --random SEED COUNT      COUNT random instants of 2000-2030 in every zone there is

A row is [t, t - day's start, day's end - t, offset then, t - month's start, month's end - t, offset then], in seconds.
"""

import json
import random
import sys
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

ZONES = """UTC America/New_York America/Sao_Paulo America/Havana Europe/London Africa/Cairo Asia/Beirut Asia/Kolkata
    Australia/Lord_Howe Pacific/Apia Pacific/Chatham Africa/Casablanca""".split()


class Calendar:
    def __init__(self, name):
        self.zone = ZoneInfo(name)
        self.starts = {}

    def offset(self, t):
        return int(datetime.fromtimestamp(t, self.zone).utcoffset().total_seconds())

    def day(self, t):
        return datetime.fromtimestamp(t, self.zone).date()

    def start(self, day):
        """The first minute that shows the day or a later one, found by looking at one minute after the other."""
        if day not in self.starts:
            midnight = int(datetime(day.year, day.month, day.day, tzinfo=timezone.utc).timestamp())
            offsets = [self.offset(midnight + hour * 3600) for hour in range(-15, 16)]
            t = midnight - max(offsets)
            while self.day(t) < day:
                t += 60
            self.starts[day] = t
        return self.starts[day]

    def row(self, t):
        day = self.day(t)
        while self.start(day + timedelta(1)) <= t:
            day += timedelta(1)
        month = day.replace(day=1)
        next_month = (month + timedelta(31)).replace(day=1)
        day_end, month_end = self.start(day + timedelta(1)), self.start(next_month)
        return [t, t - self.start(day), day_end - t, self.offset(day_end), t - self.start(month), month_end - t, self.offset(month_end)]


def instant(year):
    return int(datetime(year, 1, 1, tzinfo=timezone.utc).timestamp())


def transitions(calendar, first, last):
    before = calendar.offset(first)
    for t in range(first, last, 900):
        after = calendar.offset(t)
        if after != before:
            yield next(u for u in range(t - 900, t + 1, 60) if calendar.offset(u) == after)
        before = after


def difficult(calendar):
    chosen = set()
    for t in transitions(calendar, instant(2018), instant(2028)):
        chosen.update([t - 86400, t - 1, t, t + 3600, t + 86400])
    for year in range(2018, 2028):
        for month in range(1, 13):
            start = calendar.start(date(year, month, 1))
            chosen.update([start - 1, start])
    for year in (2020, 2023, 2024):
        chosen.add(int(datetime(year, 2, 28, 20, tzinfo=timezone.utc).timestamp()) + 86400 * (year % 4 == 0))
    return [calendar.row(t) for t in sorted(chosen)]


def main():
    if sys.argv[1:2] == ["--random"]:
        source, count = random.Random(int(sys.argv[2])), int(sys.argv[3])
        first, last = instant(2000), instant(2030)
        rows = {
            name: [calendar.row(source.randrange(first, last)) for _ in range(count)]
            for name in sorted(available_timezones())
            for calendar in [Calendar(name)]
        }
    else:
        rows = {name: difficult(Calendar(name)) for name in ZONES}
    # Governments change their minds: what was recorded of the future holds for this release of the database only.
    with open("/usr/share/zoneinfo/tzdata.zi") as database:
        release = database.readline().split()[-1]
    lines = [f"{json.dumps(name)}: {json.dumps(cases, separators=(',', ':'))}" for name, cases in rows.items()]
    print(f'{{"release": "{release}", "zones": {{\n' + ",\n".join(lines) + "\n}}")


main()
