"""The dashboard in a real browser: `dashboard.py SCENARIO DATA_PORT ADMIN_PORT [LEDGER]`. Prints "ok" at its end."""
import decimal, http.client, json, os, sqlite3, sys, urllib.parse

from audit import AUDIT
from browser import Browser
from checks import equal, text, until

SCENARIO, DATA, ADMIN = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ADDRESS = f"http://127.0.0.1:{ADMIN}/"
PERSON = "/pdl/v5/person/enrich?email=ada@example.com"
HOSTILE = '<img src=x onerror="window.harmed=1">'
SCRIPT = '"><script>window.harmed=1</script>'


def call(workspace, target=PERSON, user=None, entity=None, normalize=False):
    """Makes a call as a caller does, and returns its status and id."""
    headers = {"X-Workspace-Id": workspace}
    if user:
        headers["X-User-Id"] = user
    if entity:
        headers |= {"X-Entity-Type": "person", "X-Entity-Id": entity}
    if normalize:
        headers["X-Gateway-Normalize"] = "true"
    connection = http.client.HTTPConnection("127.0.0.1", DATA, timeout=20)
    connection.request("GET", target, headers=headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status, answer.getheader("X-Gateway-Request-Id")


def admin(method, path, body=None, token=None):
    connection = http.client.HTTPConnection("127.0.0.1", ADMIN, timeout=20)
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}".encode()} if token else {})
    connection.request(method, path, json.dumps(body) if body is not None else None, headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text or b"null")


def clean(page, allowed=(), token=None):
    """No complaint of the browser's, and nothing asked of anybody else."""
    # The browser complains of each answer that is no success: a gateway without these says so in their place.
    absent = [path for path in ("/v1/alerts", "/v1/calls") if admin("GET", path, token=token)[0] == 404]
    complaints = [each for each in page.complaints if not any(word in each for word in [*allowed, *absent])]
    equal(complaints, [], "complaints")
    equal([each for each in page.requests if not each.startswith(ADDRESS)], [], "requests to elsewhere")


# A dollar in the day that each zone has now, and a dime in the one before.
DAYS_OF_THE_WORLD = """
Promise.all([import("/dashboard/burn.js"), import("/dashboard/money.js")]).then(([{ gather }, { decimal }]) => {
  const rows = [];
  for (let offset = -12; offset <= 14; offset += 1) {
    const start = Math.floor((Date.now() + offset * 3600e3) / 86400e3) * 86400e3 - offset * 3600e3;
    const row = (day, cost) => ({ day: new Date(day).toISOString(), provider: "pdl", calls: 1, cost, saved: "0.00", lookups: 1, hits: 1, records: 1, lookup_cost: cost });
    rows.push(row(start, "1.00"), row(start - 86400e3, "0.10"));
  }
  const { days, providers: [sum] } = gather(rows);
  return [sum.today, sum.all, days.reduce((all, day) => all + day.all, 0n)].map(decimal);
})
"""


def sees(ledger):
    """Numbers are the ledger's, calls arrive as they are made, hostile ids are text, and ten thousand workspaces are as quick to look at as ten."""
    equal([call("acme", user=HOSTILE, entity="nike-cfo", normalize=True)[0], call(SCRIPT)[0], call("demo")[0], call("demo")[0]],
          [200, 200, 200, 429], "statuses")
    with Browser() as browser:
        page = browser.page()
        page.open(ADDRESS)
        page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr').length === 25")
        page.wait("the burn", "document.querySelectorAll('#burn-rows > tr:not(.empty)').length > 0")
        page.wait("the alert of a provider's count",
                  "document.getElementById('alert-rows').textContent.includes('the provider counts 4620, the ledger 4120')")
        page.wait("the calls to be live", "document.getElementById('calls-state').textContent === 'Live'")
        # A call and a refusal, as they happen.
        status, identity = call("live", user=HOSTILE)
        equal(status, 200, "the call")
        page.wait("the call in the list", f"document.querySelector('#call-rows [data-id=\"{identity}\"]')")
        equal(page.run(f"[...document.querySelector('#call-rows [data-id=\"{identity}\"]').children].slice(1, 5).map(cell => cell.textContent)"),
              ["live", "pdl enrich_person", "200", "0.28"], "the call's row")
        equal(page.run(f"document.querySelector('#call-rows [data-id=\"{identity}\"]').lastElementChild.textContent"), HOSTILE, "the user")
        _, refused = call("demo")
        page.wait("the refusal in the list", f"document.querySelector('#call-rows [data-id=\"{refused}\"]')")
        equal(page.run(f"document.querySelector('#call-rows [data-id=\"{refused}\"]').children[3].textContent"), "429 budget exhausted", "the refusal")
        call(HOSTILE)

        # Every figure is the ledger's, to the nano-dollar.
        database = sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)

        def sums(by):
            found = database.execute(f'SELECT {by}, "costNanos" FROM "cost_rollups"').fetchall()
            total = {}
            for key, nanos in found:
                total[key] = total.get(key, 0) + nanos
            return {key: text(decimal.Decimal(nanos).scaleb(-9)) for key, nanos in total.items()}

        until("five rows", lambda: database.execute('SELECT count(*) FROM "api_cost_tracking"').fetchone() == (5,))
        page.wait("the last call in the sums", f"document.getElementById('tile-month').textContent === '$' + {json.dumps(sums(1)[1])}")
        equal(page.run("document.getElementById('tile-today').textContent"), "$" + sums(1)[1], "today")
        equal(page.run("document.getElementById('tile-workspaces').firstChild.data"), "10,005", "workspaces")
        # What was read when the page was opened may be older than the last calls.
        page.open(ADDRESS)
        page.wait("the burn", "document.querySelectorAll('#burn-rows > tr:not(.empty)').length > 0")
        equal({row[0]: row[4] for row in page.rows("burn-rows")}, sums('"apiProvider"'), "burn by provider")
        equal({row[0]: row[5:] for row in page.rows("burn-rows")},
              {"pdl": ["100.0 %", "0.28"], "lusha": ["–", "–"], "openai": ["–", "–"]}, "hit rates and what a record costs")
        bars = page.run("[...document.querySelectorAll('#burn-chart .day')].at(-1).querySelectorAll('rect:not(.hit)').length")
        equal(bars, len(sums('"apiProvider"')), "bars of today")
        equal(page.run(DAYS_OF_THE_WORLD), ["27.00", "29.70", "29.70"], "the day of each zone: today, the last thirty days, and their bars")
        page.wait("the quality", "document.querySelectorAll('#quality-rows > tr:not(.empty)').length > 0")
        quality = {row[0]: row for row in page.rows("quality-rows")}
        equal(quality["pdl"][1], "100.0 %", "answers that succeeded")
        equal(quality["pdl"][4].split(), ["B", "1"], "grades of the one record")
        page.wait("the adapters", "document.querySelectorAll('#adapter-rows > tr').length > 3")
        _, configuration = admin("GET", "/v1/config")
        newest = {each["provider"]: max(price["version"] for price in each["prices"]) for each in configuration["adapters"]}
        equal({row[0]: row[2] for row in page.rows("adapter-rows")}, newest, "price versions")

        # Ten thousand workspaces: the fullest first, a page at a time, searched and ordered by the gateway.
        page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr').length === 25")
        spent = sums('"workspaceId"')
        seen = page.rows("workspace-rows")
        equal([row[0] for row in seen[:2]], ["w09999", "w09998"], "the fullest")
        for row in seen:
            equal(row[2].split(" of ")[0], spent.get(row[0], "0.00"), f"today of {row[0]}")
        page.run("document.getElementById('next').click()")
        page.wait("the second page", "document.getElementById('page').textContent === '26–50 of 10,005'")
        second = [row[0] for row in page.rows("workspace-rows")]
        assert not set(second) & {row[0] for row in seen} and second[0] == "w09974", second
        page.key("/")
        page.type("IMG")
        page.wait("the search", "document.querySelectorAll('#workspace-rows > tr').length === 1")
        equal(page.rows("workspace-rows")[0][0], HOSTILE, "the workspace's name")
        equal(page.run("document.getElementById('workspaces-count').textContent"), "1 of 10,005", "how many were found")
        page.run("document.querySelector('#workspace-rows button').click()")
        page.wait("its budget", "document.getElementById('budget').open")
        equal(page.run("document.querySelector('#budget-title .id').textContent"), HOSTILE, "the title of its budget")
        equal(page.run("[...document.querySelectorAll('#budget-scopes tbody td')].map(cell => cell.textContent)"), ["0.28", "0.28"], "what it spent")
        page.key("Escape")
        page.wait("the budget to be closed", "!document.getElementById('budget').open")
        page.key("/")
        page.wait("the search to have the focus", "document.activeElement?.id === 'search'")
        page.key("a", control=True)
        page.type("demo")
        page.wait("another search", "document.querySelector('#workspace-rows > tr .id')?.textContent === 'demo'")
        equal(page.rows("workspace-rows")[0][1], "ok56.0 %", "demo's share")
        page.key("a", control=True)
        page.key("Backspace")
        page.run("document.querySelector('[data-sort=id]').click()")
        page.wait("another order", "document.querySelector('#workspace-rows > tr .id').textContent.startsWith('\"><script>')")
        equal(page.run("document.querySelector('[aria-sort]').textContent"), "Workspace", "the ordered column")

        # What callers wrote was never more than text.
        equal(page.run("window.harmed ?? null"), None, "harm")
        equal(page.run("document.querySelectorAll('main script, main img, main iframe').length"), 0, "elements from ids")
        accessible(browser, page)
        clean(page)


def accessible(browser, page):
    """What can be checked without a person: names, structure, contrast, focus, motion, and a narrow screen."""
    equal(page.run(AUDIT), [], "accessibility")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    wanted = {"button", "textbox", "searchbox", "combobox", "link", "img", "image", "region", "table", "dialog"}
    for node in nodes:
        role = node.get("role", {}).get("value")
        if role in wanted and not node.get("ignored"):
            assert node.get("name", {}).get("value"), f"a {role} without a name: {node}"
    # Each stop of the Tab key can be seen.
    page.open(ADDRESS)
    page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr').length === 25")
    stops = []
    for _ in range(12):
        page.key("Tab")
        stops.append(page.run("""(() => {
            const e = document.activeElement, style = getComputedStyle(e);
            return [e.id || e.textContent.slice(0, 20) || e.tagName, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, e.tabIndex];
        })()"""))
    assert all(isSeen for _, isSeen, _ in stops), f"a stop that cannot be seen: {stops}"
    equal(stops[0][0], "Skip to workspaces", "the first stop")
    for width in (400, 800):
        page.size(width, 900)
        page.wait("no sideways scrolling", "document.documentElement.scrollWidth <= innerWidth", 3)
    dark = browser.page(dark=True, still=True)
    dark.open(ADDRESS)
    dark.wait("the dark page", "document.querySelectorAll('#workspace-rows > tr').length === 25")
    equal(dark.run(AUDIT), [], "accessibility in the dark")
    assert dark.run("getComputedStyle(document.body).backgroundColor") != "rgb(246, 246, 248)"
    _, identity = call("live")
    dark.wait("a call", f"document.querySelector('#call-rows [data-id=\"{identity}\"]')")
    equal(dark.run("getComputedStyle(document.querySelector('#call-rows tr.new > *')).animationName"), "none", "motion")
    clean(dark)


def edits(_):
    """A budget is changed with the keyboard alone."""
    users = {"default": {"daily": "9.00"}, "ada": {"daily": "7.00"}}
    equal(admin("PUT", "/v1/workspaces/acme/budget", {"daily": "5", "users": users, "providers": {"pdl": {"daily": "4"}}})[0], 200, "the first budget")
    equal([call("acme")[0], call("named")[0]], [200, 200], "statuses")
    with Browser() as browser:
        page = browser.page()
        page.open(ADDRESS)
        page.wait("the workspaces", "document.querySelectorAll('#workspace-rows > tr .id').length === 2")

        page.reach("Budget of acme")
        page.key("Enter")
        page.wait("the dialog", "document.getElementById('budget').open")
        equal(page.run(page.FOCUSED), "budget-daily", "the focus in the dialog")
        equal(page.run("document.activeElement.value"), "5.00", "the limit")
        page.key("a", control=True)
        page.type("12x")
        page.key("Enter")
        page.wait("the complaint", "!document.getElementById('budget-problem').hidden")
        equal([page.run("document.activeElement.getAttribute('aria-invalid')"), page.run("document.getElementById('budget').open")], ["true", True], "the field")
        equal(page.run(AUDIT), [], "accessibility of the dialog")
        page.key("a", control=True)
        page.type("12.000000001")
        page.key("Tab")
        page.key("a", control=True)
        page.type("1234567.5")
        page.key("Tab")
        page.key("a", control=True)
        page.type("Mars/Olympus")
        page.key("Enter")
        page.wait("the gateway's complaint", "document.getElementById('budget-problem').textContent.includes('time zone')")
        page.key("a", control=True)
        page.type("Europe/Berlin")
        page.key("Tab")
        page.key("ArrowDown")
        page.reach("budget-save")
        page.key("Enter")
        page.wait("the end of the dialog", "!document.getElementById('budget').open")
        page.wait("the confirmation", "document.getElementById('said').textContent === 'The budget of acme is $12.000000001 a day and $1,234,567.50 a month.'")
        page.wait("the new limit in the list", "document.getElementById('workspace-rows').textContent.includes('of 12.000000001')")
        equal(page.run(page.FOCUSED), "Budget of acme", "the focus after the dialog")
        _, budget = admin("GET", "/v1/workspaces/acme/budget")
        equal(budget["budget"], {"daily": "12.000000001", "monthly": "1234567.50", "timezone": "Europe/Berlin", "enforcement": "shadow",
                                 "providers": {"pdl": {"daily": "4.00"}}, "users": {"ada": {"daily": "7.00"}, "default": {"daily": "9.00"}}}, "the budget")
        # Escape changes nothing, and a budget that the file has is only shown.
        page.key("Enter")
        page.wait("the dialog", "document.getElementById('budget').open")
        page.type("99")
        page.key("Escape")
        page.wait("the end of the dialog", "!document.getElementById('budget').open")
        equal(admin("GET", "/v1/workspaces/acme/budget")[1]["daily"]["limit"], "12.000000001", "the limit after Escape")
        page.run("document.activeElement.blur()")
        page.reach("Budget of named")
        page.key("Enter")
        page.wait("the dialog", "document.getElementById('budget').open")
        equal(page.run("[...document.querySelectorAll('#budget input, #budget select')].every(field => field.disabled)"), True, "the file's budget")
        clean(page, allowed=["400 (Bad Request)"])


def asks_for_token(_):
    """With a token set, the page comes without it, asks for it, and shows everything with it."""
    equal(admin("GET", "/v1/workspaces")[0], 401, "without the token")
    with Browser() as browser:
        page = browser.page()
        page.open(ADDRESS)
        page.wait("the question", "document.getElementById('token').open")
        equal(page.run("document.getElementById('main').hidden"), True, "the figures")
        # The dialog comes back after its end; what is typed before that is lost.
        page.run("void (window.ended = new Promise((done) => document.getElementById('token').addEventListener('close', () => setTimeout(done))))")
        page.key("Escape")
        page.run("window.ended")
        equal(page.run("[document.getElementById('token').open, document.activeElement.id]"), [True, "token-text"], "the question after Escape")
        page.type("wrong")
        page.key("Enter")
        page.wait("the complaint", "!document.getElementById('token-problem').hidden && document.getElementById('token').open")
        page.type("only für tests")
        page.key("Enter")
        page.wait("the figures", "!document.getElementById('main').hidden && !document.getElementById('token').open")
        page.wait("the calls to be live", "document.getElementById('calls-state').textContent === 'Live'")
        _, identity = call("acme")
        page.wait("a call", f"document.querySelector('#call-rows [data-id=\"{identity}\"]')")
        assert not any("only" in urllib.parse.unquote(each) for each in page.requests), "the token is in no address"
        equal(page.run("[localStorage.length, sessionStorage.length, document.cookie]"), [0, 1, ""], "where the token is kept")
        # It outlives the page, and not the wish to forget it.
        page.open(ADDRESS)
        page.wait("the figures", "!document.getElementById('main').hidden")
        page.run("document.getElementById('sign-out').click()")
        page.wait("the question", "document.getElementById('token')?.open && document.getElementById('main').hidden")
        equal(page.run("sessionStorage.length"), 0, "what is kept then")
        clean(page, allowed=["401 (Unauthorized)"], token="only für tests")


{"sees": sees, "edits": edits, "asks_for_token": asks_for_token}[SCENARIO](sys.argv[4] if len(sys.argv) > 4 else None)
print("ok")
