package import GatewayCore
import TestSupport

/// Random records that are as odd as records may be, the same for the same seed.
package struct RecordMaker: RandomNumberGenerator {
    private var random: SplitMix64
    private var count: UInt64 = 0
    /// Midnight of the first day on which records are made.
    package static let firstDay = Timestamp(CivilDate(year: 2026, month: 11, day: 1))

    package init(seed: UInt64) {
        random = SplitMix64(seed: seed &* 0x9E37_79B9_7F4A_7C15 | 1)
    }

    package mutating func next() -> UInt64 {
        random.next()
    }

    /// A record of one of a few workspaces, users, providers, operations and days, so that sums have something to sum.
    package mutating func record(onceKey: String? = nil) -> CostRecord {
        count += 1
        let day = RecordMaker.firstDay.adding(seconds: 86_400 * Int64.random(in: 0..<5, using: &self))
        let createdAt = Timestamp(microseconds: day.microseconds + Int64.random(in: 0..<86_400_000_000, using: &self))
        let id = CallID(high: UInt64(createdAt.milliseconds) << 16 | UInt64.random(in: 0...0xFFFF, using: &self), low: count)
        var record = CostRecord(
            id: id, workspace: pick(["acme", "", "Zürich ✈ 東京", String(repeating: "w", count: 128)]), provider: pick(["alpha", "beta"]),
            cost: Money(nanos: Int64.random(in: 0...2_000_000_000, using: &self)), basis: pick(CostBasis.allCases),
            estimate: Money(nanos: Int64.random(in: 0...Money.largestCharge.nanos, using: &self)), cache: pick(CacheOutcome.allCases),
            success: Bool.random(using: &self), createdAt: createdAt, day: day, onceKey: onceKey)
        record.user = maybe(pick(["u1", "u2", "🧑‍💻", String(repeating: "u", count: 128)]))
        record.endpoint = maybe("/v1/\(String(repeating: "e", count: 96))")
        record.operation = maybe(pick(["search", "chat"]))
        record.priceVersion = maybe("2026-01-01+deadbeef")
        record.reportedCost = maybe(Money(nanos: Int64.random(in: -5...5_000_000_000, using: &self)))
        record.status = maybe(Int.random(in: 200...599, using: &self))
        record.saved = record.cache == .hit || record.cache == .coalesced ? Money(nanos: record.estimate.nanos / 3) : nil
        // Without a draw, so that a seed makes the records that it has always made.
        record.found = [nil, 0, 1, nil, 2, 250, 0][Int(count % 7)]
        record.duration = maybe(Int.random(in: 0...100_000, using: &self))
        record.tokens = maybe(Int64.random(in: 0...1_000_000, using: &self))
        record.entityType = maybe(pick(["person", "company"]))
        record.entityID = maybe(pick(["p1", "p2", String(repeating: "i", count: 128)]))
        record.requestData = maybe(#"{"method":"POST","lines":[{"unit":"call","quantity":"1"}],"note":"\u0000 \"quoted\" ' ;--"}"#)
        record.errorMessage = maybe("upstream said: 'no'\n\t\"\\ end")
        return record
    }

    /// A kept answer of one of a few workspaces, with or without research, and with bytes of every kind.
    package mutating func keptAnswer(body: Int? = nil) -> KeptAnswer {
        let record = record()
        let size = body ?? Int.random(in: 0...300, using: &self)
        var kept = KeptAnswer(
            key: CacheKey(digest: (0..<CacheKey.size).map { _ in UInt8.random(in: 0...255, using: &self) }), id: record.id,
            workspace: record.workspace, provider: record.provider, operation: "search",
            answer: WholeAnswer(
                status: pick([200, 201, 204]), headers: HeaderList(pick([[], [("A", "b"), ("a", ""), ("X-Ü", "\"\\ \u{9}é")]])),
                body: (0..<size).map { _ in UInt8.random(in: 0...255, using: &self) }),
            cost: record.cost, keptAt: record.createdAt,
            expiresAt: record.createdAt.adding(seconds: Int64.random(in: 1...86_400, using: &self)))
        guard Bool.random(using: &self) else { return kept }
        kept.research = ResearchRecord(
            entityType: record.entityType ?? "", entityID: record.entityID ?? "", type: "web", content: maybe("it's \u{0} \"so\"\n"),
            sources: maybe(#"[{"url":"https://a.example\u0000"},1e2]"#), model: maybe("sonar"), confidence: maybe("0.85"),
            tokens: record.tokens, duration: record.duration)
        return kept
    }

    package mutating func entity() -> EntityRecord {
        let record = record()
        return EntityRecord(
            id: record.id, workspace: record.workspace, kind: pick(EntityRecord.Kind.allCases), entityID: "e\(next() % 9)",
            provider: "alpha",
            fields: #"{"city":"Zürich \u0000"}"#, raw: maybe(#"{"a":[1.50,"\u0000"]}"#), rawColumn: maybe("coresignalData"),
            storedAt: record.createdAt)
    }

    package mutating func pick<Value>(_ values: [Value]) -> Value {
        values[Int.random(in: 0..<values.count, using: &self)]
    }

    package mutating func maybe<Value>(_ value: Value) -> Value? {
        Bool.random(using: &self) ? value : nil
    }
}
