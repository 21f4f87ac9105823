internal import GatewayCore
internal import JSONPath

/// Reads an operation's `normalize`: how its answers become records.
enum NormalizationDecoder {
    /// `operation` is the operation's mapping; `entity`, what it says it is about, counts where `normalize` says nothing.
    static func normalization(_ operation: MappingReader, entity: String?) -> Normalization? {
        let outer = operation.optional("miss")?.mapping(miss)
        guard let value = operation.optional("normalize") else {
            operation.key("miss")?.fail("'miss' says which answers are normalized as not found, and there is no 'normalize'")
            return nil
        }
        return value.mapping { map in
            var about = entity.flatMap(RecordEntity.init(rawValue:))
            if let word = map.optional("entity")?.word(RecordEntity.self) { about = word }
            let root = map.optional("root").flatMap(QuantityDecoder.path)
            let fields = map.required("fields")?.entries { key, value in field(key, value, of: about) }
            let confidence = map.optional("confidence").flatMap(confidence)
            let miss = map.optional("miss")?.mapping(miss) ?? outer
            let storing = map.optional("store").flatMap(KeepingDecoder.storing)
            guard let fields else { return nil }
            if fields.isEmpty, !map.document.diagnostics.hasErrors { map.fail("'fields' names at least one field") }
            return Normalization(entity: about, root: root, fields: fields, confidence: confidence, miss: miss, storing: storing)
        }
    }

    private static func miss(_ map: MappingReader) -> Normalization.Miss? {
        let statuses = map.optional("status").map { $0.oneOrList { $0.integer(in: 100...599) } }
        let when = map.optional("when").map(OperationDecoder.condition)
        if statuses == nil, when == nil { map.fail("a miss is told by its 'status', by 'when', or by both") }
        // A key that is there and could not be read must not count as one that is not there.
        if case .some(nil) = statuses { return nil }
        if case .some(nil) = when { return nil }
        return Normalization.Miss(statuses: statuses?.map(Set.init), when: when ?? nil)
    }

    private static func field(_ key: KeyReader, _ value: ValueReader, of entity: RecordEntity?) -> Normalization.Field? {
        guard let field = RecordField(rawValue: key.text), RecordField.fields(of: entity).contains(field) else {
            key.fail(unknownField(key.text, of: entity))
            return nil
        }
        guard !field.isComputed else {
            key.fail("'\(key.text)' is worked out by the gateway from the other fields")
            return nil
        }
        return source(value, FieldTarget(kind: field.kind, name: key.text)).map { Normalization.Field(field: field, source: $0) }
    }

    /// What is wrong with a target's name, and which was probably meant.
    static func unknownField(_ name: String, of entity: RecordEntity?) -> String {
        if let entity, RecordField(rawValue: name) != nil {
            return "'\(name)' is no field of a \(entity.rawValue)"
        }
        let known = (entity.map { RecordField.fields(of: $0) } ?? RecordField.allCases).map(\.rawValue)
        if entity == nil, RecordField(rawValue: name) != nil {
            return "'\(name)' is no field of both persons and companies; say 'entity: person' or 'entity: company'"
        }
        let advice = nearest(to: name, among: known).map { "did you mean '\($0)'?" } ?? "known: \(known.joined(separator: ", "))"
        return "unknown field \(quoted(name)); \(advice)"
    }

    /// The provider's signal for a whole record, 0…1, as a score.
    private static func confidence(_ value: ValueReader) -> FieldSource? {
        source(value, FieldTarget(kind: .fraction, name: "confidence", isConfidence: true))
    }

    // MARK: Sources

    private static func source(_ value: ValueReader, _ target: FieldTarget) -> FieldSource? {
        if case .string? = value.scalar?.value {
            return QuantityDecoder.path(value).map {
                .value(ValueSource(places: [.record($0)], factor: target.factor(scale: nil, times: nil)))
            }
        }
        guard case .mapping = value.node.content else {
            value.expected("a path, or a mapping with from, body, json or object")
            return nil
        }
        return value.mapping { $0.key("object") != nil ? object($0, target) : places($0, target, order: value.node) }
    }

    private static func object(_ map: MappingReader, _ target: FieldTarget) -> FieldSource? {
        let value = map.required("object")
        var known: [(name: String, kind: FieldKind)]?
        switch target.kind {
        case .parts(let parts): known = parts
        case .json, .object: known = nil
        default:
            map.key("object")?.fail("'\(target.name)' is \(target.kind.noun), not an object")
            return nil
        }
        let parts = value?.entries { key, value -> FieldSource.Part? in
            let kind = known.map { parts in parts.first { $0.name == key.text }?.kind } ?? .json
            guard let kind else {
                let names = known?.map(\.name) ?? []
                let advice =
                    nearest(to: key.text, among: names).map { "did you mean '\($0)'?" } ?? "known: \(names.joined(separator: ", "))"
                key.fail("unknown part \(quoted(key.text)); \(advice)")
                return nil
            }
            return source(value, FieldTarget(kind: kind, name: key.text)).map { FieldSource.Part(name: key.text, kind: kind, source: $0) }
        }
        guard let parts else { return nil }
        if case .mapping(let entries)? = value?.node.content, entries.isEmpty { value?.fail("'object' has at least one part") }
        return .object(parts)
    }

    private static func places(_ map: MappingReader, _ target: FieldTarget, order: YAMLNode) -> FieldSource? {
        var found: [String: [ValueSource.Place]?] = [:]
        if let value = map.optional("from") { found["from"] = value.oneOrList(of: QuantityDecoder.path)?.map { .record($0) } }
        if let value = map.optional("body") { found["body"] = value.oneOrList(of: QuantityDecoder.path)?.map { .body($0) } }
        if let value = map.optional("json") { found["json"] = value.oneOrList(of: QuantityDecoder.path)?.map { .json($0) } }
        if found.isEmpty { map.fail("'\(target.name)' has no source: from, body, json or object") }
        let scale = factor(
            map, "scale", if: target.isMarked, "'scale' is the full mark of a score, and '\(target.name)' is \(target.kind.noun)")
        let times = factor(map, "times", if: target.kind.isScalar, "'times' is for numbers, and '\(target.name)' is \(target.kind.noun)")
        let step = step(map, target)
        if case .map? = step, let key = map.key("scale") ?? map.key("times") {
            key.fail("'map' gives the value itself: '\(key.text)' does nothing beside it")
        }
        if target.kind.isScalar, !target.kind.isNumeric, step == nil,
            let key = map.key("times") ?? (target.isMarked ? map.key("scale") : nil)
        {
            key.fail("'\(key.text)' is for numbers, and without 'ranges' '\(target.name)' is \(target.kind.noun)")
        }
        let places = QuantityDecoder.inOrder(found, of: order).compactMap { $0 }.flatMap { $0 }
        guard !places.isEmpty else { return nil }
        // What a range begins with is in the source's own measure, but for a scale, which makes it 0…100.
        var factor: Exact?
        switch step {
        case .map?: factor = nil
        case .ranges?: factor = FieldTarget.product(scale: scale, full: Exact(100), times: times)
        case nil: factor = target.factor(scale: scale, times: times)
        }
        return .value(ValueSource(places: places, factor: factor, step: step))
    }

    private static func factor(_ map: MappingReader, _ key: String, if applies: Bool, _ refusal: String) -> Exact? {
        guard let value = map.optional(key) else { return nil }
        guard applies else {
            map.key(key)?.fail(refusal)
            return nil
        }
        guard let number = QuantityDecoder.number(value) else { return nil }
        guard !number.isNegative, !number.isZero else {
            value.fail("expected a number above 0, found \(number)")
            return nil
        }
        return number
    }

    private static func step(_ map: MappingReader, _ target: FieldTarget) -> ValueSource.Step? {
        let values = map.optional("map")
        let ranges = map.optional("ranges")
        guard values != nil || ranges != nil else { return nil }
        let key = map.key(values != nil ? "map" : "ranges")
        guard target.kind.isScalar else {
            key?.fail("'\(key?.text ?? "")' is for single values, and '\(target.name)' is \(target.kind.noun)")
            return nil
        }
        if let values {
            if ranges != nil { map.key("ranges")?.fail("'map' and 'ranges' are two ways to the value: only one of them can stand here") }
            let entries = values.entries { key, value in target.constant(value).map { (Self.mapKey(key.text), $0) } }
            return entries.map { .map(Dictionary($0) { first, _ in first }) }
        }
        let pairs = ranges?.list { range($0, target) }
        guard let pairs else { return nil }
        if case .sequence(let nodes)? = ranges?.node.content, nodes.isEmpty { ranges?.fail("it has no ranges") }
        if Set(pairs.map(\.from)).count < pairs.count { ranges?.fail("two ranges begin at the same number") }
        return .ranges(pairs.sorted { $1.from.isLess(than: $0.from) })
    }

    /// All ways to write a number are one.
    private static func mapKey(_ text: String) -> String { JSONNumber(text)?.normalizedText ?? text }

    private static func range(_ value: ValueReader, _ target: FieldTarget) -> (from: Exact, value: RecordValue)? {
        guard case .sequence(let nodes) = value.node.content, nodes.count == 2 else {
            value.expected("a pair: where the range begins, and its value, as in [95, A+]")
            return nil
        }
        let from = QuantityDecoder.number(ValueReader(nodes[0], of: value.document))
        let constant = target.constant(ValueReader(nodes[1], of: value.document))
        guard let from, let constant else { return nil }
        return (from, constant)
    }
}

/// What a source has to give.
struct FieldTarget {
    let kind: FieldKind
    /// For messages.
    let name: String
    /// Whether it is the record's confidence, which is written 0…1 and kept as a score.
    var isConfidence = false

    /// Whether it has a full mark, to which the source's own can be scaled; a grade has one by its ranges.
    var isMarked: Bool {
        switch kind {
        case .score, .fraction, .grade: true
        default: false
        }
    }

    /// What the source's numbers are multiplied by; nil: by nothing.
    func factor(scale: Exact?, times: Exact?) -> Exact? {
        if isConfidence { return Self.product(scale: scale ?? .one, full: Exact(100), times: times) }
        if case .fraction = kind { return Self.product(scale: scale, full: .one, times: times) }
        return Self.product(scale: scale, full: Exact(100), times: times)
    }

    static func product(scale: Exact?, full: Exact, times: Exact?) -> Exact? {
        guard scale != nil || times != nil else { return nil }
        let part = scale.map { try? full / $0 } ?? Exact.one
        // Beyond range, it is a factor by which nothing can be multiplied.
        return part.flatMap { try? $0 * (times ?? Exact.one) } ?? Exact.zero
    }

    /// A value that stands in the adapter itself.
    func constant(_ value: ValueReader) -> RecordValue? {
        let scalar: Scalar?
        switch value.scalar?.value {
        case .integer(let text)?, .decimal(let text)?: scalar = JSONNumber(text).map { .number($0) }
        case .string?: scalar = value.string().map { .text($0) }
        default: scalar = nil
        }
        guard let scalar, let converted = kind.value(of: scalar) else {
            value.expected("\(kind.noun) for '\(name)'")
            return nil
        }
        guard isConfidence, case .number(let text) = converted, let number = (try? Exact(decimal: text)) ?? nil,
            let score = (try? number * Exact(100)).flatMap({ Score($0, in: 0...100) })
        else { return converted }
        return .number(score.description)
    }
}
