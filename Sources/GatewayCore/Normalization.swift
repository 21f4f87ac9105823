package import JSONPath

/// How an operation's answers become records, as its adapter says it: compiled when the adapter is loaded.
package struct Normalization: Sendable {
    package struct Field: Sendable {
        package var field: RecordField
        package var source: FieldSource

        package init(field: RecordField, source: FieldSource) {
            self.field = field
            self.source = source
        }
    }

    /// Answers that say that there is nothing.
    package struct Miss: Sendable {
        /// nil: any status.
        package var statuses: Set<Int>?
        package var when: JSONLogical?

        package init(statuses: Set<Int>? = nil, when: JSONLogical? = nil) {
            self.statuses = statuses
            self.when = when
        }
    }

    /// What a call adds to its answer.
    package struct Context: Sendable {
        package var provider: String
        package var operation: String
        /// What the caller says that the call is about.
        package var entity: String?
        package var weights: QualityWeights
        /// Freshness counts from here.
        package var now: Timestamp

        package init(provider: String, operation: String, entity: String?, weights: QualityWeights, now: Timestamp) {
            self.provider = provider
            self.operation = operation
            self.entity = entity
            self.weights = weights
            self.now = now
        }
    }

    /// Why an answer stays as the provider gave it.
    package enum Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// A status that is neither a success nor a miss.
        case providersError(Int)
        /// The body cannot be read; why.
        case unreadable(String)
        /// It would take too long, or become too large.
        case tooMuch

        package var description: String {
            switch self {
            case .providersError(let status): "the provider's error (\(status)) is passed on unchanged"
            case .unreadable(let reason): "there is nothing to normalize: \(reason)"
            case .tooMuch: "it has too many records"
            }
        }
    }

    /// nil: what the caller says, or else a person.
    package var entity: RecordEntity?
    /// Each node that it selects is a record, but for `null` and booleans, which say that there is none; nil: the body is.
    package var root: JSONPath?
    /// In the order in which a record has them.
    package var fields: [Field]
    /// 0…100.
    package var confidence: FieldSource?
    package var miss: Miss?
    /// Whether and how its records are stored.
    package var storing: Storing?

    package init(
        entity: RecordEntity?, root: JSONPath? = nil, fields: [Field], confidence: FieldSource? = nil, miss: Miss? = nil,
        storing: Storing? = nil
    ) {
        self.entity = entity
        self.root = root
        let order = RecordField.fields(of: entity)
        self.fields = fields.sorted { order.firstIndex(of: $0.field) ?? 0 < order.firstIndex(of: $1.field) ?? 0 }
        self.confidence = confidence
        self.miss = miss
        self.storing = storing
    }

    /// What all the paths for one answer may take: an answer that takes more would keep everybody else waiting.
    package static let stepLimit = 500_000
    /// The confidence in what a provider says without one.
    package static let standardConfidence = Score(80)

    /// Whether answers with this status may become records; of others the body need not be looked at.
    package func covers(status: Int) -> Bool {
        Self.isSuccess(status) || (miss.map { $0.statuses?.contains(status) ?? true } ?? false)
    }

    /// Whether a record is somebody or something that was looked for, and not only what a model says of it.
    package var isLookup: Bool { fields.contains { $0.field.isWantable && $0.field != .aiIntelligence && $0.field != .aiConfidence } }

    /// The records in an answer.
    package func answer(to response: ResponseFacts, _ context: Context) throws(Refusal) -> NormalizedAnswer {
        var steps = Self.stepLimit
        let nodes = try nodes(in: response, spending: &steps)
        var records: [Record] = []
        if case .json(let body) = response.body {
            var reading = FieldReading(body: body, steps: steps)
            records.reserveCapacity(nodes.count)
            do throws(JSONPathEvaluationError) {
                for node in nodes { records.append(try record(node, &reading, context)) }
            } catch {
                throw .tooMuch
            }
        }
        return NormalizedAnswer(
            entity: entity(context), records: records, provider: context.provider, operation: context.operation,
            status: response.status)
    }

    /// How many records that say something are in an answer, without making them: each is read up to its first field. Where even that takes too
    /// long, every node is taken for one.
    package func count(in response: ResponseFacts) throws(Refusal) -> Int {
        var steps = Self.stepLimit
        let nodes = try nodes(in: response, spending: &steps)
        guard case .json(let body) = response.body else { return 0 }
        var reading = FieldReading(body: body, steps: steps)
        do throws(JSONPathEvaluationError) {
            var count = 0
            for node in nodes where try saysSomething(node, &reading) { count += 1 }
            return count
        } catch {
            return nodes.count
        }
    }

    /// Whether a node's record would not be empty.
    private func saysSomething(_ node: JSONNode, _ reading: inout FieldReading) throws(JSONPathEvaluationError) -> Bool {
        for field in fields where field.field.isWantable {
            if try reading.value(field.source, field.field.kind, in: node) != nil { return true }
        }
        return false
    }

    private static func isSuccess(_ status: Int) -> Bool { (200...299).contains(status) }

    /// What of an answer becomes a record; none in a miss.
    private func nodes(in response: ResponseFacts, spending steps: inout Int) throws(Refusal) -> [JSONNode] {
        let status = response.status
        guard covers(status: status) else { throw .providersError(status) }
        // A miss that its status alone declares is one whatever it says.
        if !Self.isSuccess(status), miss?.when == nil { return [] }
        switch response.body {
        case .json(let body):
            do throws(JSONPathEvaluationError) {
                if try isMiss(status, body) { return [] }
                if Self.isSuccess(status) {
                    return try (root?.nodes(in: body, spending: &steps) ?? [body]).filter {
                        switch $0.kind {
                        case .null, .true, .false: false
                        case .object, .array, .string, .number: true
                        }
                    }
                }
            } catch {
                throw .tooMuch
            }
            throw .providersError(status)
        case .notJSON(let reason), .unreadable(let reason): throw .unreadable(reason)
        case .unread: throw .unreadable("the body was not read")
        case .eventStream: throw .unreadable("the answer is an event stream")
        }
    }

    private func isMiss(_ status: Int, _ body: JSONNode) throws(JSONPathEvaluationError) -> Bool {
        guard let miss, miss.statuses?.contains(status) ?? true else { return false }
        return try miss.when?.holds(at: body, limit: Self.stepLimit) ?? true
    }

    private func entity(_ context: Context) -> RecordEntity {
        entity ?? context.entity.flatMap(RecordEntity.init(rawValue:)) ?? .person
    }

    private func record(_ node: JSONNode, _ reading: inout FieldReading, _ context: Context) throws(JSONPathEvaluationError) -> Record {
        var confidence = Self.standardConfidence
        if let source = self.confidence, case .number(let text)? = try reading.value(source, .score, in: node),
            let exact = (try? Exact(decimal: text)) ?? nil, let score = Score(exact, in: 0...100)
        {
            confidence = score
        }
        var record = Record(entity(context), confidence: confidence)
        var sources: [RecordValue] = [.text(context.provider)]
        for field in fields {
            guard let value = try reading.value(field.source, field.field.kind, in: node) else { continue }
            if field.field == .dataSources, case .list(let named) = value {
                sources += named.filter { $0.text != context.provider }
            } else {
                record.append(field.field, value)
            }
        }
        let quality = Quality(record, weights: context.weights, at: context.now)
        record.append(.dataSources, .list(sources))
        record.append(quality)
        return record
    }
}
