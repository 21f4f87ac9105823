package import JSONPath

/// An answer that is there as a whole: what a caller gets who did not cause it.
package struct WholeAnswer: Sendable, Hashable {
    package var status: Int
    /// The provider's end-to-end fields, without `Set-Cookie` and without a length.
    package var headers: HeaderList
    /// Byte for byte.
    package var body: [UInt8]

    package init(status: Int, headers: HeaderList, body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The fields as lines, as databases keep them.
    package var headerLines: [UInt8] {
        var lines: [UInt8] = []
        for index in 0..<headers.count {
            let field = headers[index]
            lines += field.name
            lines += Array(": ".utf8)
            lines += field.value
            lines += Array("\r\n".utf8)
        }
        return lines
    }

    /// Reads ``headerLines``; nil for anything else, which a caller must not get.
    package init?(status: Int, headerLines: [UInt8], body: [UInt8]) {
        guard (200...299).contains(status) else { return nil }
        var headers = HeaderList()
        var rest = headerLines[...]
        while !rest.isEmpty {
            guard let end = rest.firstIndex(of: UInt8(ascii: "\r")), rest[end...].starts(with: [0x0D, 0x0A]),
                let colon = rest[..<end].firstIndex(of: UInt8(ascii: ":")), rest[colon...].starts(with: [0x3A, 0x20]),
                colon > rest.startIndex
            else { return nil }
            headers.append(name: rest[..<colon], value: rest[(colon + 2)..<end])
            rest = rest[(end + 2)...]
        }
        self.init(status: status, headers: headers, body: body)
    }
}

/// A billable answer that is served again until it expires: a row of `cached_answers`.
package struct KeptAnswer: Sendable, Hashable {
    /// The longest body that is kept: what is longer would cost the journal and the ledger more than the provider.
    package static let longestBody = 4 << 20

    package var key: CacheKey
    /// The call that paid for it.
    package var id: CallID
    package var workspace: String
    package var provider: String
    package var operation: String
    package var answer: WholeAnswer
    /// What it cost, which is what each further use of it saves.
    package var cost: Money
    package var keptAt: Timestamp
    /// It is not served at this instant, nor after it.
    package var expiresAt: Timestamp
    package var research: ResearchRecord?

    package init(
        key: CacheKey, id: CallID, workspace: String, provider: String, operation: String, answer: WholeAnswer, cost: Money,
        keptAt: Timestamp, expiresAt: Timestamp, research: ResearchRecord? = nil
    ) {
        self.key = key
        self.id = id
        self.workspace = workspace
        self.provider = provider
        self.operation = operation
        self.answer = answer
        self.cost = cost
        self.keptAt = keptAt
        self.expiresAt = expiresAt
        self.research = research
    }

    /// About what it takes, in memory or in a table.
    package var size: Int { 512 + answer.headers.byteCount + answer.body.count }
}

/// What an AI provider found out: with its answer, a row of `research_data`. The row's id is the call's.
package struct ResearchRecord: Sendable, Hashable {
    package var entityType: String
    package var entityID: String
    package var type: String
    package var content: String?
    /// A JSON array.
    package var sources: String?
    package var model: String?
    /// 0…1, as it is written.
    package var confidence: String?
    package var tokens: Int64?
    /// Milliseconds.
    package var duration: Int?

    package init(
        entityType: String, entityID: String, type: String, content: String? = nil, sources: String? = nil, model: String? = nil,
        confidence: String? = nil, tokens: Int64? = nil, duration: Int? = nil
    ) {
        self.entityType = entityType
        self.entityID = entityID
        self.type = type
        self.content = content
        self.sources = sources
        self.model = model
        self.confidence = confidence
        self.tokens = tokens
        self.duration = duration
    }
}

extension ResearchRecord {
    /// All of it as JSON text, for research that cannot be a row: a person must be able to make it one.
    package func setAsideText(_ kept: KeptAnswer) -> String {
        var members = [
            JSONValue.Member("entityType", .string(entityType)), .init("entityId", .string(entityID)), .init("researchType", .string(type)),
            .init("cost", .string(kept.cost.description)), .init("createdAt", .string(kept.keptAt.rfc3339)),
            .init("expiresAt", .string(kept.expiresAt.rfc3339)),
        ]
        for (name, text) in [("content", content), ("sources", sources), ("model", model), ("confidence", confidence)] {
            if let text { members.append(.init(name, .string(text))) }
        }
        if let tokens { members.append(.init("tokensUsed", .number(JSONNumber(tokens)))) }
        return String(decoding: JSONValue.object(members).serialized, as: UTF8.self)
    }
}

extension Keeping.Research {
    /// What an answer's body says, for a row. What a path does not select is absent.
    package func record(_ body: JSONNode, entityType: String, entityID: String, tokens: Int64?, duration: Int?) -> ResearchRecord {
        // A path that takes too many steps in a hostile document selects nothing: the answer itself is kept all the same.
        func text(_ path: JSONPath?) -> String? {
            guard let node = try? path?.first(in: body), !node.isNull else { return nil }
            return node.string ?? String(decoding: node.raw, as: UTF8.self)
        }
        let nodes = (try? sources?.nodes(in: body)) ?? []
        let list = nodes.map { String(decoding: $0.raw, as: UTF8.self) }.joined(separator: ",")
        return ResearchRecord(
            entityType: entityType, entityID: entityID, type: type, content: text(content), sources: sources == nil ? nil : "[\(list)]",
            model: text(model).map { String($0.unicodeScalars.prefix(100)) }, confidence: confidence, tokens: tokens, duration: duration)
    }
}

/// Where kept answers outlive this process.
package protocol AnswerStore: Sendable {
    /// What is kept for a key and has not expired at an instant. Throws when it cannot be asked.
    func keptAnswer(_ key: CacheKey, workspace: String, at now: Timestamp) async throws(LedgerError) -> KeptAnswer?
}
