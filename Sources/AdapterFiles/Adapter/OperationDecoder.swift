internal import GatewayCore
internal import JSONPath
internal import TokenCounting

/// Reads one of `operations`.
struct OperationDecoder {
    /// Its place among them, for the marks.
    let index: Int
    /// What the adapter says of all of them.
    let reconciliation: ReconciliationDecoder.Section?

    struct Decoded {
        let operation: Operation
        let marks: [AdapterProblem.Element: SourceMark]
    }

    /// Keys that belong to the format and that this version does not act on.
    private static let laterKeys = ["enrich"]

    func operation(_ map: MappingReader) -> Decoded? {
        var marks: [AdapterProblem.Element: SourceMark] = [:]
        let name = map.required("name").flatMap(Self.name)
        let match = map.required("match")?.mapping(Self.pattern)
        let entity = map.optional("entity").flatMap(Self.name)
        var dimensions: [String: DimensionSource] = [:]
        _ = map.optional("dimension")?.entries { key, value -> Void? in
            marks[.dimension(operation: index, name: key.text)] = key.mark
            dimensions[key.text] = DimensionDecoder.source(value)
        }
        let usage: [(name: String, quantity: Quantity)]? = map.optional("usage")?.entries { key, value in
            marks[.usage(operation: index, name: key.text)] = key.mark
            return QuantityDecoder.quantity(value).map { (key.text, $0) }
        }
        let charge = map.optional("charge")?.entries { key, value in
            marks[.charge(operation: index, unit: key.text)] = value.node.mark
            return line(key, value)
        }
        let estimate = map.optional("estimate")?.entries { key, value in
            marks[.estimate(operation: index, unit: key.text)] = value.node.mark
            return line(key, value)
        }
        let billable = map.optional("billable").map { $0.mapping(Self.billable) } ?? Billable()
        let reported = map.optional("reported")?.mapping { $0.required("usd").flatMap(QuantityDecoder.pathOrQuantity) }
        let once = map.optional("once")?.mapping { $0.required("path")?.string() }
        let tokenizer = map.optional("tokenizer").flatMap { $0.word(Tokenizer.self) } ?? .bytes
        let normalization = NormalizationDecoder.normalization(map, entity: entity)
        let keeping = KeepingDecoder.keeping(cache: map.optional("cache"), research: map.optional("research"))
        let streaming = map.optional("stream").map { $0.mapping { StreamDecoder.streaming($0, operation: index, &marks) } }
        let units = (charge ?? []).map(\.unit)
        let count = ReconciliationDecoder.count(map.value("reconcile"), of: units, within: reconciliation)
        map.ignoreLaterKeys(Self.laterKeys)

        marks[.operation(index)] = map.key("name")?.mark ?? map.mark
        marks[.match(operation: index)] = map.key("match")?.mark
        marks[.once(operation: index)] = map.key("once")?.mark
        marks[.reported(operation: index)] = map.key("reported")?.mark
        if case .some(nil) = streaming { return nil }
        guard let name, let match, let billable else { return nil }
        let operation = Operation(
            name: name, match: match, entity: entity, dimensions: dimensions, usage: usage ?? [], charge: charge ?? [], billable: billable,
            estimate: estimate ?? [], reported: reported, once: once, tokenizer: tokenizer, normalization: normalization, keeping: keeping,
            streaming: streaming ?? nil, providerCount: count)
        return Decoded(operation: operation, marks: marks)
    }

    private static func name(_ value: ValueReader) -> String? {
        guard let text = value.string() else { return nil }
        guard (1...100).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            value.fail("a name is 1 to 100 printable ASCII characters without spaces")
            return nil
        }
        return text
    }

    private static func pattern(_ map: MappingReader) -> RoutePattern? {
        let methods = map.required("method")?.oneOrList(of: method)
        let path = map.required("path")
        guard let text = path?.string(), let methods, let path else { return nil }
        guard !methods.isEmpty else {
            map.fail("'method' names at least one method")
            return nil
        }
        do throws(RoutePattern.PatternError) {
            return try RoutePattern(methods: methods, path: text)
        } catch {
            path.fail(error.description)
            return nil
        }
    }

    private static func method(_ value: ValueReader) -> String? {
        guard let text = value.string() else { return nil }
        guard Names.isToken(text), text == text.uppercased() else {
            value.fail("\(quoted(value.written)) is no method: GET, POST, …, in capital letters")
            return nil
        }
        return text
    }

    private func line(_ key: KeyReader, _ value: ValueReader) -> Operation.Line? {
        guard Names.isIdentifier(key.text) else {
            key.fail("\(quoted(key.text)) is no unit's name: letters, digits and '_', no digit first")
            return nil
        }
        if case .mapping = value.node.content {
            return QuantityDecoder.quantity(value).map { Operation.Line(unit: key.text, amount: .quantity($0)) }
        }
        switch value.scalar?.value {
        case .string?:
            return value.string().flatMap { expression($0, value) }.map { Operation.Line(unit: key.text, amount: .expression($0)) }
        case .integer?, .decimal?, .unrepresentable?:
            return QuantityDecoder.number(value).map { Operation.Line(unit: key.text, amount: .expression(Expression(number: $0))) }
        default:
            value.expected("an expression, a number or a quantity")
            return nil
        }
    }

    private func expression(_ text: String, _ value: ValueReader) -> Expression? {
        do throws(ExpressionError) {
            return try Expression(text)
        } catch {
            value.fail("\(quoted(value.written)) is no expression: \(error.message) (character \(error.offset + 1))")
            return nil
        }
    }

    private static func billable(_ map: MappingReader) -> Billable? {
        let status = map.optional("status")
        let statuses = status.map { $0.oneOrList { $0.integer(in: 100...599) } }
        if statuses??.isEmpty == true { status?.fail("without a status nothing is ever charged; leave 'charge' out where that is meant") }
        let when = map.optional("when").map(condition)
        let unless = map.optional("unless").map(condition)
        // A key that is there and could not be read must not count as one that is not there.
        if case .some(nil) = statuses { return nil }
        if case .some(nil) = when { return nil }
        if case .some(nil) = unless { return nil }
        return Billable(statuses: statuses?.map(Set.init), when: when ?? nil, unless: unless ?? nil)
    }

    static func condition(_ value: ValueReader) -> JSONLogical? {
        guard let text = value.string() else { return nil }
        do throws(JSONPathError) {
            return try JSONLogical(text)
        } catch {
            value.fail("\(quoted(value.written)) is no condition: \(error.message) (character \(error.offset + 1))")
            return nil
        }
    }
}
