internal import GatewayCore
internal import JSONPath

/// Reads one of `examples`.
enum ExampleDecoder {
    static func example(_ map: MappingReader) -> Example? {
        let name = map.required("name")?.text()
        let at = map.optional("at").map(PriceDecoder.instant)
        let request = map.required("request")?.mapping(request)
        let response = map.required("response")?.mapping(response)
        let expectation = map.required("expect")?.mapping(expectation)
        guard let name, let request, let response, let expectation else { return nil }
        if case .some(nil) = at { return nil }
        let mark = map.mark
        return Example(
            name: name, at: at ?? nil, request: request, response: response, expectation: expectation,
            location: "\(map.document.file):\(mark.line):\(mark.column)")
    }

    private static func request(_ map: MappingReader) -> Example.Request? {
        let method = map.required("method")?.string()
        let path = map.required("path")
        let query = map.optional("query")?.entries { key, value in
            value.oneOrList { $0.text() }.map { values in values.map { (name: key.text, value: $0) } }
        }
        let headers = map.optional("headers").map(headers) ?? HeaderList()
        let body = map.optional("body").map(body)
        guard let method, let path, let text = path.string(), let headers else { return nil }
        guard text.hasPrefix("/") else {
            path.fail("a path begins with '/'")
            return nil
        }
        if case .some(nil) = body { return nil }
        return Example.Request(method: method, path: text, query: query?.flatMap { $0 } ?? [], headers: headers, body: body ?? nil)
    }

    private static func response(_ map: MappingReader) -> Example.Response? {
        let status = map.required("status")?.integer(in: 100...599)
        let headers = map.optional("headers").map(headers) ?? HeaderList()
        let body = map.optional("body").map(body) ?? []
        guard let status, let headers, let body else { return nil }
        return Example.Response(status: status, headers: headers, body: body)
    }

    private static func headers(_ value: ValueReader) -> HeaderList? {
        let fields = value.entries { key, value -> (String, String)? in
            guard Names.isToken(key.text) else {
                key.fail("\(quoted(key.text)) is no header's name")
                return nil
            }
            return value.text().map { (key.text, $0) }
        }
        return fields.map { HeaderList($0) }
    }

    /// A string is the body as it stands; anything else is written as JSON.
    private static func body(_ value: ValueReader) -> [UInt8]? {
        if case .string? = value.scalar?.value { return value.scalar.map { Array($0.text.utf8) } }
        return json(value.node, value.document)?.serialized
    }

    /// The JSON that YAML stands for: numbers digit by digit, members in their order, strings without environment variables.
    static func json(_ node: YAMLNode, _ document: DocumentReader) -> JSONValue? {
        switch node.content {
        case .unreadable: return nil
        case .sequence(let nodes):
            let elements = nodes.map { json($0, document) }
            let whole = elements.compactMap { $0 }
            return whole.count == elements.count ? .array(whole) : nil
        case .mapping(let entries):
            let members = entries.map { entry in json(entry.value, document).map { JSONValue.Member(entry.name, $0) } }
            let whole = members.compactMap { $0 }
            return whole.count == members.count ? .object(whole) : nil
        case .scalar(let scalar):
            switch scalar.value {
            case .null: return .null
            case .bool(let value): return .bool(value)
            case .string: return .string(scalar.text)
            case .integer(let text), .decimal(let text):
                if let number = JSONNumber(text) { return .number(number) }
            case .unrepresentable: break
            }
            document.report("\(shortened(scalar.text)) is no JSON number; put it in quotes to make it a string", at: node.mark)
            return nil
        }
    }

    private static func expectation(_ map: MappingReader) -> Example.Expectation? {
        let operation = map.optional("operation")?.string()
        let estimate = map.optional("estimate").flatMap(Amount.money)
        let cost = map.optional("cost").flatMap(Amount.money)
        let basis = map.optional("basis")?.word(CostBasis.self)
        let reported = map.optional("reported").flatMap(Amount.money)
        let version = map.optional("price_version")?.string()
        let normalized = map.optional("normalized").map(normalized)
        let (counted, remaining) = map.optional("reconcile").map(ReconciliationDecoder.expectation) ?? (nil, nil)
        // One that expects nothing of the metering could not fail.
        let saysNothing = operation == nil && estimate == nil && cost == nil && basis == nil && reported == nil && version == nil
        if saysNothing, normalized == nil, counted == nil, remaining == nil {
            map.fail("it expects nothing: say at least the operation and the cost")
        }
        return Example.Expectation(
            operation: operation, estimate: estimate, cost: cost, basis: basis, reported: reported, priceVersion: version,
            normalized: normalized ?? nil, counted: counted, remaining: remaining)
    }

    /// The fields of the first record, or a list with those of each.
    private static func normalized(_ value: ValueReader) -> Example.Expectation.Records? {
        if case .sequence = value.node.content { return value.list(of: record).map { .all($0) } }
        return record(value).map { .first($0) }
    }

    private static func record(_ value: ValueReader) -> JSONValue? {
        let fields = value.entries { key, value -> JSONValue.Member? in
            guard RecordField(rawValue: key.text) != nil else {
                key.fail(NormalizationDecoder.unknownField(key.text, of: nil))
                return nil
            }
            return json(value.node, value.document).map { JSONValue.Member(key.text, $0) }
        }
        return fields.map { .object($0) }
    }
}

/// Reads amounts of US dollars.
enum Amount {
    /// A number, or a string with one: not negative, at most nine fraction digits.
    static func money(_ value: ValueReader) -> Money? {
        let text: String?
        switch value.scalar?.value {
        case .integer?, .decimal?, .unrepresentable?: text = value.decimal()
        case .string?: text = value.string()
        default:
            value.expected("an amount in US dollars")
            text = nil
        }
        guard let text else { return nil }
        if let money = Money(text), money >= .zero { return money }
        value.fail(
            "expected an amount in US dollars, not negative and with at most nine fraction digits, found \(shortened(value.written))")
        return nil
    }
}
