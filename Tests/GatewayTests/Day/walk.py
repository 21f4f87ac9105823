"""A day of somebody who operates a gateway: `walk.py GATEWAY [PROMTOOL]`. Each step says in a line what was seen; "ok" is the last.

All amounts are decimals, and all that say what was spent have to say the same, to the nano-dollar."""
import json, pathlib, secrets, sqlite3, subprocess, sys, tempfile, time
from collections import defaultdict
from datetime import datetime, timedelta, timezone
from decimal import Decimal

from world import CREDENTIALS, PLUGINS, Gateway, Providers, Receiver, Sandbox

from browser import Browser
from checks import equal, text, until

# What the adapters' authors expect these calls to cost.
QUESTION, STREAM, PERSON, SEARCH, REVEAL = map(Decimal, ["0.005318", "0.00000465", "0.28", "0.28", "0.87325"])
# The same question, and the same written otherwise.
ASKED = ['{"model": "sonar", "max_tokens": 500, "messages": [{"role": "user", "content": "Who is Ada Example?!"}]}',
         '{"messages":[{"content":"Who is Ada Example?!","role":"user"}],"max_tokens":500,"model":"sonar"}']
HELLO = '{"model": "gpt-4o-mini", "stream": true, "max_completion_tokens": 100, "messages": [{"role": "user", "content": "Say hello to Ada"}]}'
WANTED = '{"match": {"jobTitle": "chief financial officer", "companyDomain": "nike.com"}, "want": ["email", "phone"], "minQuality": 80}'
ADA, NOBODY = "/pdl/v5/person/enrich?email=ada@example.com", "/pdl/v5/person/enrich?email=nobody@example.com"


def say(step, words):
    print(f"{step}. {words}", flush=True)


class Walk:
    def __init__(self, gateway, providers, receiver, promtool):
        self.gateway, self.providers, self.receiver, self.promtool = gateway, providers, receiver, promtool
        self.spent = []  # What each answer said: workspace, user, entity, provider, operation, cost.
        self.ids = []

    def call(self, key, user, entity, method, target, body=None, status=200, headers=None):
        """One call, as its caller makes it and adds it up: its fields and its body."""
        kind, _, name = entity.partition("/")
        shown = headers or {"Authorization": f"Bearer {self.gateway.secrets[key]}"}
        found, fields, content = self.gateway.call(method, target, {"X-User-Id": user, "X-Entity-Type": kind, "X-Entity-Id": name} | shown, body and body.encode())
        equal(found, status, f"{target} for {user}: {fields} {content}")
        if status == 401:
            return fields, content
        self.ids.append(fields["x-gateway-request-id"])
        workspace, cost = fields["x-gateway-workspace"], Decimal(fields["x-gateway-cost"])
        if target.startswith("/_gateway/"):
            steps = json.loads(content)["steps"]
            self.spent += [(workspace, user, entity, step["provider"], step["operation"], Decimal(step["cost"])) for step in steps]
            equal(sum(Decimal(step["cost"]) for step in steps), cost, "the sum of the steps")
        elif fields["content-type"] == "application/problem+json":
            equal(cost, 0, "what a refusal costs")
        else:
            self.spent.append((workspace, user, entity, fields["x-gateway-provider"], fields["x-gateway-operation"], cost))
        spent, limit, left = (Decimal(fields[f"x-gateway-{name}-daily"]) for name in ("spend", "limit", "remaining"))
        # The head of a stream was written before its cost was known.
        pending = cost if fields.get("x-gateway-cost-basis") == "pending" else 0
        equal(spent + pending, self.total(workspace), f"the day of {workspace} after {target}")
        assert left <= limit - spent, fields
        return fields, content

    def total(self, workspace=None):
        return sum(each[5] for each in self.spent if workspace in (None, each[0]))

    def sums(self, *columns):
        sums = defaultdict(Decimal)
        for each in self.spent:
            sums[tuple(each[column] for column in columns)] += each[5]
        return dict(sums)

    def levels(self):
        return [(alert["workspace"], alert["level"], alert["limit"], alert["refused"]) for alert in self.receiver.alerts]

    # MARK: The steps

    def opens(self):
        greeting = self.gateway.start()
        for workspace in ("acme", "beta"):
            self.gateway.command("key", "create", "--workspace", workspace, shows=f"key of {workspace}")
        # A month and a day that do not end while the walk lasts: it is about noon there. Where midnight is 11 hours after UTC's, the page takes it
        # for that of a zone 13 hours before UTC.
        shift = (datetime.now(timezone.utc).hour - 12) % 24
        zone = f"Etc/GMT+{min(shift, 10)}" if shift <= 12 else f"Etc/GMT-{24 - shift}"
        for workspace, daily in (("acme", "1.82"), ("beta", "0.50")):
            budget = {"daily": daily, "monthly": "20", "timezone": zone, "users": {"default": {"daily": "5"}}}
            self.gateway.admin("PUT", f"/v1/workspaces/{workspace}/budget", budget)
        say(1, f"{greeting}; two keys, and $1.82 a day for acme and $0.50 for beta in {zone}")

    def spends(self):
        fields, content = self.call("key of acme", "bob", "person/nike-cfo", "POST", "/_gateway/enrich/person", WANTED)
        equal(Decimal(fields["x-gateway-cost"]), SEARCH + REVEAL, f"one person of two providers: {content}")
        fields, _ = self.call("key of acme", "ada", "person/ada", "POST", "/perplexity/chat/completions", ASKED[0])
        equal([fields["x-gateway-cost"], fields["x-gateway-cache"]], [text(QUESTION), "miss"], "a question")
        fields, _ = self.call("key of acme", "bob", "person/ada", "POST", "/perplexity/chat/completions", ASKED[1])
        equal([fields["x-gateway-cost"], fields["x-gateway-cache"]], ["0.00", "hit"], "the same again")
        fields, content = self.call("key of acme", "ada", "company/example", "POST", "/openai/v1/chat/completions", HELLO)
        equal([fields["x-gateway-cost-basis"], fields["trailer"].lower(), Decimal(fields["x-gateway-cost"])], ["pending", "x-gateway-cost", STREAM], "a stream")
        assert content.endswith(b"data: [DONE]\n\n") and b'"usage":{' not in content, content
        # In the query, where the provider's own SDK puts a key.
        self.call(None, "ada", "person/ada", "GET", f"{ADA}&api_key={self.gateway.secrets['key of acme']}", headers={"Accept": "*/*"})
        fields, _ = self.call("key of acme", "bob", "person/nobody", "GET", NOBODY, status=404)
        equal(fields["x-gateway-cost"], "0.00", "nobody")
        self.call("key of acme", "bob", "person/ada", "GET", "/pdl/v5/person/identify?first_name=Ada&last_name=Example")
        self.call("key of beta", "carol", "person/ada", "GET", ADA)
        _, content = self.call("key of acme", "ada", "person/ada", "GET", ADA, status=402,
                               headers={"X-Gateway-Key": self.gateway.secrets["key of acme"], "X-Gateway-Max-Cost": "0.05"})
        equal(json.loads(content)["code"], "max_cost_exceeded", "a maximum")
        equal(self.total("acme"), QUESTION + STREAM + 2 * PERSON + SEARCH + REVEAL, "what acme was told")
        equal(self.providers.asked, ["pdl", "lusha", "perplexity", "openai", "pdl", "pdl", "pdl", "pdl"], "who was asked")
        equal(self.providers.faults, [], "what providers were shown")
        say(2, f"a kept question, a stream, four people and a miss of four providers: acme has spent ${self.total('acme')}, beta ${self.total('beta')}")

    def is_told(self):
        until("the warning", lambda: self.receiver.alerts)
        [post] = self.receiver.posts
        alert = post["body"]
        assert post["verified"], post
        equal([alert[name] for name in ("workspace", "scope", "window", "level", "spent", "limit")],
              ["acme", "workspace", "daily", "warning", str(self.total("acme")), "1.82"], "the alert")
        [listed] = self.gateway.admin("GET", "/v1/alerts")["alerts"]
        equal({name: listed[name] for name in alert if name != "resets_at"}, {name: alert[name] for name in alert if name != "resets_at"}, "the alert in the list")
        lines = until("its line in the log", lambda: [line for line in self.gateway.log.splitlines() if "resets_at=" in line])
        assert len(lines) == 1 and " warning " in lines[0] and "acme" in lines[0], lines
        say(3, f"a signed {alert['level']}: acme has spent {alert['spent']} of {alert['limit']}, most with {alert['top'][0]['provider']}")

    def raises(self, page):
        _, content = self.call("key of acme", "bob", "person/ada", "GET", ADA, status=429)
        refusal = json.loads(content)
        equal([refusal["code"], refusal["violated-policies"], refusal["spent"]], ["budget_exhausted", ["workspace-daily"], str(self.total("acme"))], "the refusal")
        until("the emergency", lambda: len(self.receiver.alerts) == 2)
        address = f"http://127.0.0.1:{self.gateway.admin_port}/"
        page.open(address)
        page.wait("the question for the token", "document.getElementById('token').open")
        page.type(self.gateway.secrets["admin token"])
        page.key("Enter")
        page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr .id').length === 2")
        page.reach("Budget of acme")
        page.key("Enter")
        page.wait("the dialog", "document.getElementById('budget').open")
        equal(page.run("document.activeElement.value"), "1.82", "the limit")
        page.key("a", control=True)
        page.type("2.35")
        page.key("Enter")
        page.wait("the confirmation", "document.getElementById('said').textContent.startsWith('The budget of acme is $2.35 a day')")
        # In force at once: no waiting, and no second try.
        self.call("key of acme", "bob", "person/ada", "GET", ADA)
        until("the warning of the new limit", lambda: len(self.receiver.alerts) == 3)
        equal(self.levels(), [("acme", "warning", "1.82", False), ("acme", "emergency", "1.82", True), ("acme", "warning", "2.35", False)], "alerts")
        say(4, f"429 at {refusal['spent']} of {refusal['limit']}; $2.35 a day, typed in the browser; the same call: 200, and acme has spent ${self.total('acme')}")

    def revokes(self):
        [key] = [key for key in self.gateway.admin("GET", "/v1/keys")["keys"] if key["workspace"] == "beta"]
        headers = {"Authorization": f"Bearer {self.gateway.secrets['key of beta']}"}
        equal(self.gateway.call("GET", "/_gateway/budget", headers)[0], 200, "the key's own budget")
        self.gateway.command("key", "revoke", key["id"])
        began = time.monotonic()
        until("the key opens nothing", lambda: self.gateway.call("GET", "/_gateway/budget", headers)[0] == 401)
        took = time.monotonic() - began
        _, content = self.call("key of beta", "carol", "person/ada", "GET", ADA, status=401)
        equal(json.loads(content)["code"], "unauthenticated", "the refusal")
        say(5, f"the key of beta is revoked: 401, {took * 1000:.0f} ms after the command")

    def agrees(self, page):
        gateway, total = self.gateway, self.total()
        since = (datetime.now(timezone.utc) - timedelta(days=2)).strftime("%Y-%m-%d")
        rows = until("every row", lambda: (found := gateway.admin("GET", "/v1/calls?limit=1000")["calls"]) and len(found) == len(self.spent) and found)
        equal(sum(Decimal(row["cost"]) for row in rows), total, "the rows")
        [question] = [row for row in rows if row.get("reportedCost")]
        equal([question["reportedCost"], question["cost"]], ["0.005", text(QUESTION)], "what the provider says of itself")
        names = ["workspace", "user", "entity", "provider", "operation"]
        for by in ("provider,operation", "user,entity", "provider", "operation", "user", "entity"):
            wanted = self.sums(0, *(names.index(name) for name in by.split(",")))
            reports = [gateway.admin("GET", f"/v1/spend?by={by}&from={since}")]
            if "," in by:
                reports.append(json.loads(gateway.command("spend", "--by", by, "--from", since, "--format", "json").stdout))
            for report in reports:
                equal([Decimal(report["total"]), Decimal(report["saved"])], [total, QUESTION], f"the total by {by}")
                for row in report["rows"]:
                    if "entity" in by:
                        row["entity"] = f"{row['entity_type']}/{row['entity_id']}"
                equal({tuple(row[name] for name in ["workspace", *by.split(",")]): Decimal(row["cost"]) for row in report["rows"]}, wanted, f"spending by {by}")
        for workspace in ("acme", "beta"):
            budget = gateway.admin("GET", f"/v1/workspaces/{workspace}/budget")
            equal([budget[window][what] for window in ("daily", "monthly") for what in ("spent", "held")],
                  [text(self.total(workspace)), "0.00"] * 2, f"the windows of {workspace}")
        self.exposes()
        page.open(f"http://127.0.0.1:{gateway.admin_port}/")
        page.wait("the tiles", f"document.getElementById('tile-today').textContent === '${text(total)}'")
        equal(page.run("document.getElementById('tile-month').textContent"), f"${text(total)}", "the month")
        page.wait("the burn", "document.querySelectorAll('#burn-rows > tr:not(.empty)').length > 0")
        equal({row[0]: row[4] for row in page.rows("burn-rows")}, {name: text(sum) for (name,), sum in self.sums(3).items()}, "burn by provider")
        page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr .id').length === 2")
        equal({row[0]: row[2].split(" of ")[0] for row in page.rows("workspace-rows")}, {name: text(self.total(name)) for name in ("acme", "beta")}, "workspaces")
        page.wait("the calls", f"document.querySelectorAll('#call-rows > tr:not(.refusal)').length >= {len(rows)}")
        shown = [row[4] for row in page.rows("call-rows") if row[4]]
        equal(sum(map(Decimal, shown)), total, "the calls in the browser")
        # Before it had the token it was told so, and complained of that.
        equal([each for each in page.complaints if "401 (Unauthorized)" not in each], [], "the browser's complaints")
        say(6, f"${total} by answers, rows, gateway spend, /v1/spend, budgets, /metrics and the dashboard; ${QUESTION} saved")

    def exposes(self):
        metrics = self.gateway.admin("GET", "/metrics")
        done = subprocess.run([self.promtool, "check", "metrics"], input=metrics, capture_output=True, text=True)
        equal([done.returncode, done.stdout + done.stderr], [0, ""], "promtool")
        found = {}
        for line in metrics.splitlines():
            if line.startswith("gateway_cost_dollars_total{"):
                labels = dict(part.split("=") for part in line[line.index("{") + 1 : line.index("}")].replace('"', "").split(","))
                place = (labels["provider"], labels["operation"])
                found[place] = found.get(place, Decimal(0)) + Decimal(line.rsplit(" ", 1)[1])
        equal(found, self.sums(3, 4), "gateway_cost_dollars_total")

    def restarts(self):
        def books():
            with sqlite3.connect(f"file:{self.gateway.folder}/gateway.db?mode=ro", uri=True) as database:
                read = {table: sorted(map(repr, database.execute(f'SELECT * FROM "{table}"')))
                        for table in ("api_cost_tracking", "cost_rollups", "price_versions", "budget_alerts")}
            return read | {what: self.gateway.admin("GET", f"/v1/{what}") for what in ("calls", "keys", "workspaces/acme/budget", "workspaces/beta/budget")}

        alerts = until("all are acknowledged", lambda: (found := self.gateway.admin("GET", "/v1/alerts")["alerts"])
                       and all(each["state"] == "acknowledged" for alert in found for each in alert["deliveries"]) and found)
        before, posts = books(), len(self.receiver.posts)
        self.gateway.kill()
        # A start removes what is in the ledger from the journal.
        self.gateway.said += self.gateway.files()
        self.gateway.start()
        after = books()
        for part in before:
            equal(after[part], before[part], f"{part} after the restart")
        equal(self.gateway.admin("GET", "/v1/alerts")["alerts"], alerts, "alerts after the restart")
        # The question is still kept, and the next alert is the next threshold's: nothing comes again before it.
        fields, _ = self.call("key of acme", "ada", "person/ada", "POST", "/perplexity/chat/completions", ASKED[0])
        equal([fields["x-gateway-cost"], fields["x-gateway-cache"]], ["0.00", "hit"], "the question")
        # Answered, and killed in the same breath.
        self.call("key of acme", "ada", "person/ada", "GET", ADA)
        self.gateway.kill()
        self.gateway.start()
        until("the alert of that call", lambda: len(self.receiver.alerts) == 4)
        self.call("key of acme", "ada", "person/ada", "GET", ADA, status=429)
        until("the emergency", lambda: len(self.receiver.alerts) == 5)
        equal(self.levels()[3:], [("acme", "critical", "2.35", False), ("acme", "emergency", "2.35", True)], "alerts after the restarts")
        equal({alert["id"] for alert in self.gateway.admin("GET", "/v1/alerts")["alerts"]}, {alert["id"] for alert in self.receiver.alerts}, "alerts in the list")
        again = {post["body"]["id"] for post in self.receiver.posts[:posts]} & {post["body"]["id"] for post in self.receiver.posts[posts:]}
        equal(again, set(), "alerts told again")
        assert all(post["verified"] for post in self.receiver.posts)
        until("its row", lambda: len(self.gateway.admin("GET", "/v1/calls?limit=1000")["calls"]) == len(self.spent))
        equal(Decimal(self.gateway.admin("GET", "/v1/workspaces/acme/budget")["daily"]["spent"]), self.total("acme"), "what acme has spent")
        self.call("key of beta", "carol", "person/ada", "GET", ADA, status=401)
        equal([len(self.providers.asked), self.providers.faults], [10, []], "what providers were asked and shown")
        say(7, f"killed twice, once with an answer's last byte: the same books, no alert again, and acme has spent ${self.total('acme')}")

    def keeps_secrets(self, page):
        for target in ("config", "keys", "workspaces", "quality", "audit?limit=1000", "alerts", "spend?by=provider,operation,day,user,entity"):
            self.gateway.admin("GET", f"/v1/{target}")
        places = self.gateway.said + list(self.gateway.files()) + [("webhooks", self.receiver.log.read_bytes()), ("the browser's addresses", "\n".join(page.requests).encode())]
        for name, secret in self.gateway.secrets.items():
            assert len(secret) > 20, name
            for place, content in places:
                assert secret.encode() not in content, f"the {name} is in {place}"
        # What is no secret is found in these very places.
        found = {place for place, content in places for mark in [*self.ids, "nike-cfo"] if mark.encode() in content}
        for wanted in ("log", "gateway.db", "gateway-journal", "GET /v1/calls", "/v1/events"):
            assert any(place.startswith(wanted) for place in found), f"{wanted} is not among {found}"
        say(8, f"{len(self.gateway.secrets)} secrets are in none of {len({place for place, _ in places})} places, {len(found)} of which tell of the calls")


def main(executable, promtool="promtool"):
    with tempfile.TemporaryDirectory(prefix="day-") as name:
        folder = pathlib.Path(name)
        kept = {f"credential of {provider}": secrets.token_urlsafe(24) for provider in CREDENTIALS}
        kept |= {"admin token": secrets.token_urlsafe(24), "webhook's secret": secrets.token_urlsafe(24)}
        (folder / "plugins").mkdir()
        for provider in CREDENTIALS:
            (folder / f"plugins/{provider}.yaml").symlink_to(PLUGINS / f"{provider}.yaml")
        with Sandbox(executable, folder / "examples") as sandbox, Receiver(folder, kept["webhook's secret"]) as receiver:
            providers = Providers(sandbox, {provider: kept[f"credential of {provider}"] for provider in CREDENTIALS})
            with Gateway(executable, folder / "gateway", providers, receiver, kept) as gateway, Browser() as browser:
                walk, page = Walk(gateway, providers, receiver, promtool), browser.page()
                walk.opens()
                walk.spends()
                walk.is_told()
                walk.raises(page)
                walk.revokes()
                walk.agrees(page)
                walk.restarts()
                walk.keeps_secrets(page)
                print("ok")


main(*sys.argv[1:])
