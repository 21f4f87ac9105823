internal import GatewayCore
internal import JSONPath

/// Reads `cache`, `research` and `store`.
enum KeepingDecoder {
    /// What of an operation is kept; nil where neither is there or something is wrong.
    static func keeping(cache: ValueReader?, research: ValueReader?) -> Keeping? {
        var (ttl, cacheTTL): (Int64?, ValueReader?) = (nil, nil)
        var headers: [String] = []
        var isSound = true
        if let cache {
            let read: Void? = cache.mapping { map -> Void? in
                cacheTTL = map.optional("ttl")
                ttl = cacheTTL.flatMap(seconds)
                if let list = map.optional("headers") {
                    guard let names = list.list(of: QuantityDecoder.header) else { return nil }
                    headers = names
                }
                if cacheTTL == nil, research == nil { map.fail("missing key 'ttl': for how long an answer is served again, such as 30d") }
                return cacheTTL != nil && ttl == nil ? nil : ()
            }
            isSound = read != nil
        }
        var rule: Keeping.Research?
        if let research {
            let read = research.mapping { map -> (Keeping.Research, Int64)? in
                let type = map.required("type")?.string()
                let content = map.required("content").flatMap(QuantityDecoder.path)
                let sources = map.optional("sources").map(QuantityDecoder.path)
                let model = map.optional("model").map(QuantityDecoder.path)
                let confidence = map.optional("confidence").map(confidence)
                let lifetime = map.required("ttl").flatMap(seconds)
                if let value = map.optional("type"), let type, !(1...50).contains(type.unicodeScalars.count) {
                    value.fail("a type of research has 1 to 50 characters")
                    return nil
                }
                // A key that is there and could not be read must not count as one that is not there.
                if case .some(nil) = sources { return nil }
                if case .some(nil) = model { return nil }
                if case .some(nil) = confidence { return nil }
                guard let type, let content, let lifetime else { return nil }
                let rule = Keeping.Research(
                    type: type, content: content, sources: sources ?? nil, model: model ?? nil, confidence: confidence ?? nil)
                return (rule, lifetime)
            }
            guard let (found, lifetime) = read else { return nil }
            if let cacheTTL, let ttl, ttl != lifetime {
                cacheTTL.fail("research is answered again for as long as its own 'ttl' says; leave this one out")
                return nil
            }
            (rule, ttl) = (found, lifetime)
        }
        guard isSound, let ttl else { return nil }
        return Keeping(ttl: ttl, headers: headers, research: rule)
    }

    /// `store: {}` or `store: { raw: coresignalData }`, as it stands under `normalize`.
    static func storing(_ value: ValueReader) -> Storing? {
        value.mapping { map in
            guard let raw = map.optional("raw") else { return Storing() }
            guard let column = raw.string() else { return nil }
            guard Names.isIdentifier(column), column.utf8.count <= 63 else {
                raw.fail("\(quoted(raw.written)) is no column's name")
                return nil
            }
            return Storing(rawColumn: column)
        }
    }

    private static func seconds(_ value: ValueReader) -> Int64? {
        value.duration(in: .seconds(1)...(.seconds(86_400 * 3650))).map { $0.components.seconds }
    }

    private static func confidence(_ value: ValueReader) -> String? {
        guard let number = QuantityDecoder.number(value) else { return nil }
        guard !number.isNegative, !Exact.one.isLess(than: number) else {
            value.fail("a confidence is a number from 0 to 1")
            return nil
        }
        return value.decimal()
    }
}
