import GatewayCore
import JSONPath
import Loopback
import Testing

/// Three providers asked in turn through the data plane: steps, cost, record and rows of each scenario.
@Suite struct EnrichmentScenarioTests {
    struct Scenario: Sendable, CustomTestStringConvertible {
        var name: String
        /// What `one`, `two` and `three` do.
        var plays: [Play]
        var estimates = [2, 2, 2]
        var question = #"{"match": {"email": "ada@example.com"}, "want": ["email"], "minQuality": 80}"#
        var budget = Budget(workspace: WindowLimits(daily: nil, monthly: nil))
        var headers: [String] = []
        /// What has been asked of providers before, alone.
        var before: [String] = []
        var keeps = false
        /// `provider outcome reason cost cache`.
        var steps: [String]
        /// Whose the merged record's address is.
        var email: String?
        var satisfied: Bool
        var cost: String
        var basis = "table"
        /// `provider cost status` of what is new in the ledger.
        var rows: [String]

        var testDescription: String { name }
    }

    private static let good = Play.hit
    private static let poor = Play.found(grade: "C", credits: 1)

    private static func question(_ rest: String) -> String { #"{"match": {"email": "ada@example.com"}\#(rest)}"# }

    static let scenarios: [Scenario] = [
        Scenario(
            name: "all hit: the first is enough", plays: [good, good, good], steps: ["one found - 0.10"], email: "one", satisfied: true,
            cost: "0.10", rows: ["one 0.10 200"]),
        Scenario(
            name: "none has a match", plays: [.missed, .missed, .missed],
            steps: ["one no_match - 0.00", "two no_match - 0.00", "three no_match - 0.00"], satisfied: false, cost: "0.00",
            rows: ["one 0.00 404", "two 0.00 404", "three 0.00 404"]),
        Scenario(
            name: "only the last has one", plays: [.missed, .missed, good],
            steps: ["one no_match - 0.00", "two no_match - 0.00", "three found - 0.10"], email: "three", satisfied: true, cost: "0.10",
            rows: ["one 0.00 404", "two 0.00 404", "three 0.10 200"]),
        Scenario(
            name: "a quality just below what is asked", plays: [.found(grade: "B", credits: 1), good, good],
            question: question(#", "want": ["email"], "minQuality": 75.0001"#),
            steps: ["one found - 0.10", "two found - 0.10"], email: "two", satisfied: true, cost: "0.20",
            rows: ["one 0.10 200", "two 0.10 200"]),
        Scenario(
            name: "a quality just as asked", plays: [.found(grade: "B", credits: 1), good, good],
            question: question(#", "want": ["email"], "minQuality": 75"#),
            steps: ["one found - 0.10"], email: "one", satisfied: true, cost: "0.10", rows: ["one 0.10 200"]),
        Scenario(
            name: "none is good enough, and the best of them counts",
            plays: [poor, .found(grade: "B", credits: 1), .found(grade: "D", credits: 1)],
            steps: ["one found - 0.10", "two found - 0.10", "three found - 0.10"], email: "two", satisfied: false, cost: "0.30",
            rows: ["one 0.10 200", "two 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "a tie is the earlier's", plays: [poor, poor, poor],
            steps: ["one found - 0.10", "two found - 0.10", "three found - 0.10"], email: "one",
            satisfied: false, cost: "0.30", rows: ["one 0.10 200", "two 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "nothing in particular is wanted: whatever there is", plays: [poor, good, good], question: question(""),
            steps: ["one found - 0.10"], email: "one", satisfied: true, cost: "0.10", rows: ["one 0.10 200"]),
        Scenario(
            name: "something is wanted that nobody has", plays: [good, good, good], question: question(#", "want": ["email", "phone"]"#),
            steps: ["one found - 0.10", "two found - 0.10", "three found - 0.10"], email: "one", satisfied: false, cost: "0.30",
            rows: ["one 0.10 200", "two 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "the caller's maximum is between two steps", plays: [poor, good, good],
            question: question(#", "want": ["email"], "minQuality": 80, "maxCost": "0.25""#),
            steps: ["one found - 0.10", "two skipped max_cost 0.00", "three skipped max_cost 0.00"], email: "one", satisfied: false,
            cost: "0.10",
            rows: ["one 0.10 200"]),
        Scenario(
            name: "what is left is just enough", plays: [poor, good, good],
            question: question(#", "want": ["email"], "minQuality": 80, "maxCost": "0.30""#),
            steps: ["one found - 0.10", "two found - 0.10"], email: "two", satisfied: true, cost: "0.20",
            rows: ["one 0.10 200", "two 0.10 200"]),
        Scenario(
            name: "a dearer one is passed over for a cheaper one behind it", plays: [poor, good, good], estimates: [2, 9, 1],
            question: question(#", "want": ["email"], "minQuality": 80, "maxCost": "0.25""#),
            steps: ["one found - 0.10", "two skipped max_cost 0.00", "three found - 0.10"], email: "three", satisfied: true, cost: "0.20",
            rows: ["one 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "nothing may be spent", plays: [good, good, good], question: question(#", "maxCost": "0.00""#),
            steps: ["one skipped max_cost 0.00", "two skipped max_cost 0.00", "three skipped max_cost 0.00"], satisfied: false,
            cost: "0.00", rows: []),
        Scenario(
            name: "the budget is out in the middle", plays: [poor, good, good],
            budget: Budget(workspace: WindowLimits(daily: Money("0.25"))),
            steps: ["one found - 0.10", "two skipped budget workspace-daily 0.00", "three skipped budget workspace-daily 0.00"],
            email: "one",
            satisfied: false, cost: "0.10", rows: ["one 0.10 200"]),
        Scenario(
            name: "the budget has room for a cheaper one", plays: [poor, good, good], estimates: [2, 2, 1],
            budget: Budget(workspace: WindowLimits(daily: Money("0.25"))),
            steps: ["one found - 0.10", "two skipped budget workspace-daily 0.00", "three found - 0.10"], email: "three", satisfied: true,
            cost: "0.20", rows: ["one 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "one provider's own budget is out", plays: [good, good, good],
            budget: Budget(workspace: WindowLimits(daily: nil), providers: ["one": WindowLimits(monthly: Money("0.15"))]),
            steps: ["one skipped budget provider-monthly 0.00", "two found - 0.10"], email: "two", satisfied: true, cost: "0.10",
            rows: ["two 0.10 200"]),
        Scenario(
            name: "the user's budget is out", plays: [poor, good, good],
            budget: Budget(workspace: WindowLimits(daily: nil), users: Budget.UserLimits(standard: WindowLimits(daily: Money("0.2")))),
            headers: ["X-User-Id: u"],
            steps: ["one found - 0.10", "two skipped budget user-daily 0.00", "three skipped budget user-daily 0.00"],
            email: "one", satisfied: false, cost: "0.10", rows: ["one 0.10 200"]),
        Scenario(
            name: "a provider is down", plays: [.fails(.unreachable, wasSent: false), good, good],
            steps: ["one failed upstream_unreachable 0.00", "two found - 0.10"], email: "two", satisfied: true, cost: "0.10",
            rows: ["two 0.10 200"]),
        Scenario(
            name: "a provider goes away in the middle of an answer", plays: [.breaks, good, good],
            steps: ["one failed upstream_unreachable 0.20", "two found - 0.10"], email: "two", satisfied: true, cost: "0.30",
            basis: "estimate",
            rows: ["one 0.20 200", "two 0.10 200"]),
        Scenario(
            name: "a provider takes the call and says nothing", plays: [.fails(.broken, wasSent: true), good, good],
            steps: ["one failed upstream_unreachable 0.00", "two found - 0.10"], email: "two", satisfied: true, cost: "0.10",
            rows: ["one 0.00 -", "two 0.10 200"]),
        Scenario(
            name: "a provider is slow", plays: [.fails(.timeout, wasSent: true), good, good],
            steps: ["one timeout upstream_timeout 0.00", "two found - 0.10"], email: "two", satisfied: true, cost: "0.10",
            rows: ["one 0.00 -", "two 0.10 200"]),
        Scenario(
            name: "a provider has too many calls", plays: [.fails(.overloaded, wasSent: false), good, good],
            steps: ["one failed overloaded 0.00", "two found - 0.10"], email: "two", satisfied: true, cost: "0.10", rows: ["two 0.10 200"]),
        Scenario(
            name: "a provider refuses", plays: [.says(402, #"{"error":"credits"}"#), .says(429, "{}"), good],
            steps: ["one failed 402 0.00", "two failed 429 0.00", "three found - 0.10"], email: "three", satisfied: true, cost: "0.10",
            rows: ["one 0.00 402", "two 0.00 429", "three 0.10 200"]),
        Scenario(
            name: "all fail", plays: [.says(500, "x"), .fails(.unreachable, wasSent: false), .fails(.timeout, wasSent: true)],
            steps: ["one failed 500 0.00", "two failed upstream_unreachable 0.00", "three timeout upstream_timeout 0.00"], satisfied: false,
            cost: "0.00",
            rows: ["one 0.00 500", "three 0.00 -"]),
        Scenario(
            name: "a success that cannot be read is charged and is no match", plays: [.says(200, "<html>"), good, good],
            steps: ["one failed unreadable 0.20", "two found - 0.10"], email: "two", satisfied: true, cost: "0.30", basis: "estimate",
            rows: ["one 0.20 200", "two 0.10 200"]),
        Scenario(
            name: "nobody behind a null", plays: [.says(200, "null"), good, good], steps: ["one no_match - 0.10", "two found - 0.10"],
            email: "two", satisfied: true, cost: "0.20", rows: ["one 0.10 200", "two 0.10 200"]),
        Scenario(
            name: "somebody of whom nothing is said is nobody", plays: [.says(200, "{}"), .says(200, #"{"name":false}"#), good],
            question: question(""), steps: ["one no_match - 0.10", "two no_match - 0.10", "three found - 0.10"],
            email: "three", satisfied: true, cost: "0.30", rows: ["one 0.10 200", "two 0.10 200", "three 0.10 200"]),
        Scenario(
            name: "a provider takes less than was held, and what is left is more", plays: [.found(grade: "C", credits: 0), good, good],
            question: question(#", "want": ["email"], "minQuality": 80, "maxCost": "0.20""#),
            steps: ["one found - 0.00", "two found - 0.10"], email: "two",
            satisfied: true, cost: "0.10", rows: ["one 0.00 200", "two 0.10 200"]),
        Scenario(
            name: "a provider takes more than was held, and nothing is left", plays: [.found(grade: "C", credits: 9), good, good],
            question: question(#", "want": ["email"], "minQuality": 80, "maxCost": "0.50""#),
            steps: ["one found - 0.90", "two skipped max_cost 0.00", "three skipped max_cost 0.00"], email: "one", satisfied: false,
            cost: "0.90",
            rows: ["one 0.90 200"]),
        Scenario(
            name: "a cache hit in the middle costs nothing", plays: [.missed, good, good], before: ["two"], keeps: true,
            steps: ["one no_match - 0.00 miss", "two found - 0.00 hit"], email: "two", satisfied: true, cost: "0.00",
            rows: ["one 0.00 404", "two 0.00 200"]),
        Scenario(
            name: "a cache hit is no question of what is left", plays: [poor, good, good], estimates: [2, 9, 9],
            question: question(#", "want": ["email"], "minQuality": 90, "maxCost": "0.20""#), before: ["two"], keeps: true,
            steps: ["one found - 0.10 miss", "two found - 0.00 hit", "three skipped max_cost 0.00"], email: "two", satisfied: false,
            cost: "0.10",
            rows: ["one 0.10 200", "two 0.00 200"]),
        Scenario(
            name: "the caller passes the cache by", plays: [.missed, good, good], headers: ["X-Gateway-Cache: bypass"], before: ["two"],
            keeps: true,
            steps: ["one no_match - 0.00 bypass", "two found - 0.10 bypass"], email: "two", satisfied: true, cost: "0.10",
            rows: ["one 0.00 404", "two 0.10 200"]),
        Scenario(
            name: "too little is said for anybody", plays: [good, good, good], question: #"{"match": {"phone": "+1 555"}}"#,
            steps: ["one skipped no_input 0.00", "two skipped no_input 0.00", "three skipped no_input 0.00"], satisfied: false,
            cost: "0.00", rows: []),
        Scenario(
            name: "a name that leads out of the provider's paths is refused before it is sent", plays: [good, good, good],
            question: #"{"match": {"email": ".."}}"#,
            steps: ["one failed bad_request 0.00", "two failed bad_request 0.00", "three failed bad_request 0.00"], satisfied: false,
            cost: "0.00",
            rows: []),
    ]

    @Test(arguments: scenarios)
    func aScenarioComesOutExactly(scenario: Scenario) async throws {
        let names = ["one", "two", "three"]
        let adapters = try zip(names, scenario.estimates).map { try FinderAdapter.finder($0, estimate: $1, keeps: scenario.keeps) }
        try await Bench.run(
            budget: scenario.budget, adapters: adapters, enrichment: EnrichmentSettings(order: [.person: names])
        ) { bench in
            bench.upstream.play { call in
                if let index = names.firstIndex(of: call.request.route.provider) { scenario.plays[index](call) }
            }
            for name in scenario.before {
                let client = try bench.client()
                try client.send(request("/\(name)/v1/people/ada%40example.com"))
                #expect(try client.response().status == 200)
            }
            let earlier = bench.log.settled.count
            let response = try bench.enrich(scenario.question, scenario.headers)
            #expect(response.status == 200, "\(response.text)")
            let answer = try JSONDocument(parsing: response.body).root
            #expect(Self.steps(answer) == scenario.steps)
            #expect(answer["satisfied"]?.bool == scenario.satisfied && answer["found"]?.bool == (scenario.email != nil))
            #expect(answer["cost"]?.string == scenario.cost && response["X-Gateway-Cost"] == scenario.cost)
            #expect(response["X-Gateway-Cost-Basis"] == scenario.basis)
            #expect(answer["records"]?[0]?["email"]?.string == scenario.email.map { "ada@\($0).example" })
            #expect(answer["fieldSources"]?["email"]?.string == scenario.email)
            let rows = bench.log.settled.dropFirst(earlier)
            #expect(rows.map { "\($0.provider) \($0.cost) \($0.status.map(String.init) ?? "-")" } == scenario.rows)
            // What the steps say is what their rows say.
            let ids = (answer["steps"]?.children ?? []).compactMap { $0["id"]?.string }
            #expect(ids == rows.map { $0.id.description })
            #expect(rows.allSatisfy { $0.workspace == "w1" && $0.entityType == "person" })
            #expect(rows.reduce(Money.zero) { $0 + $1.cost }.description == scenario.cost)
        }
    }

    static func steps(_ answer: JSONNode) -> [String] {
        (answer["steps"]?.children ?? []).map { step in
            var words = [step["provider"]?.string ?? "?", step["outcome"]?.string ?? "?", step["reason"]?.string ?? "-"]
            if let budget = step["budget"]?.string { words.append(budget) }
            words.append(step["cost"]?.string ?? "?")
            if let cache = step["cache"]?.string { words.append(cache) }
            return words.joined(separator: " ")
        }
    }
}

extension Bench {
    /// Asks for a person.
    func enrich(_ question: String, _ headers: [String] = [], workspace: String = "w1") throws -> RawClient.Response {
        let client = try client()
        try client.send(request("/_gateway/enrich/person", headers, method: "POST", body: question, workspace: workspace))
        return try client.response(to: "POST")
    }
}
