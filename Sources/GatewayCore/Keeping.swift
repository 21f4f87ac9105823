package import JSONPath

/// What an adapter says of keeping an operation's answers: `cache` and `research`.
package struct Keeping: Sendable {
    /// For how long an answer is served again; seconds.
    package var ttl: Int64
    /// Request headers on which the answer depends, beside `Accept`.
    package var headers: [String]
    /// Where the answers are research.
    package var research: Research?

    package init(ttl: Int64, headers: [String] = [], research: Research? = nil) {
        self.ttl = ttl
        self.headers = headers
        self.research = research
    }

    /// How an answer becomes a row of `research_data`.
    package struct Research: Sendable {
        package var type: String
        package var content: JSONPath
        package var sources: JSONPath?
        package var model: JSONPath?
        /// 0…1, as it is written.
        package var confidence: String?

        package init(type: String, content: JSONPath, sources: JSONPath? = nil, model: JSONPath? = nil, confidence: String? = nil) {
            self.type = type
            self.content = content
            self.sources = sources
            self.model = model
            self.confidence = confidence
        }
    }
}

/// What an adapter says of storing an operation's normalized records: `store` under `normalize`.
package struct Storing: Sendable, Hashable {
    /// The JSON column that takes the answer as it came; nil: `enrichedData`, under the provider's name.
    package var rawColumn: String?

    package init(rawColumn: String? = nil) {
        self.rawColumn = rawColumn
    }
}

/// How much of kept answers there may be: `cache` in config.yaml. Bytes.
package struct CacheSettings: Sendable, Hashable {
    /// In this process.
    package var memory: Int
    /// In the ledger's database.
    package var disk: Int

    package init(memory: Int = 64 << 20, disk: Int = 1 << 30) {
        self.memory = memory
        self.disk = disk
    }
}
