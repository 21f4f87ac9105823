internal import GatewayCore

/// Reads `reconcile`, of an adapter, of an operation and in an example.
enum ReconciliationDecoder {
    /// What an adapter says.
    struct Section {
        let rule: Reconciliation
        /// What its operations count unless they say something else.
        let count: ProviderCount
        /// Where the units of `credits` stand.
        fileprivate let units: [KeyReader]

        /// Each unit that is given credits is some operation's.
        func checkUnits(in operations: [Operation]) {
            let known = Set(operations.flatMap(\.charge).map(\.unit))
            for key in units { ReconciliationDecoder.check(key, among: known.sorted()) }
        }
    }

    static func section(_ value: ValueReader?) -> Section? {
        value?.mapping { map in
            let header = map.optional("header")
            let usage = map.optional("usage")
            let pool = map.optional("pool").flatMap(pool) ?? ""
            let bound = map.optional("bound").map(bound) ?? .percent(.one)
            let lag = map.optional("lag").map(lag) ?? 0
            let (credits, units) = map.optional("credits").map(credits) ?? (nil, [])
            switch (header, usage) {
            case (nil, nil):
                map.fail("'reconcile' names where the provider tells its balance: 'header' or 'usage'")
                return nil
            case (_?, let usage?):
                usage.fail("'reconcile' has either 'header' or 'usage', not both")
                return nil
            default: break
            }
            let name = header.flatMap(QuantityDecoder.header)
            let endpoint = usage.flatMap { $0.mapping { Self.endpoint($0, pool: pool) } }
            guard let bound, let lag, name != nil || endpoint != nil else { return nil }
            return Section(
                rule: Reconciliation(bound: bound, lag: lag, endpoint: endpoint),
                count: ProviderCount(pool: pool, header: name, credits: credits, lag: lag), units: units)
        }
    }

    /// What an operation's calls count: the adapter's, with its own keys in their places. nil where they count nowhere.
    static func count(_ value: ValueReader?, of units: [String], within section: Section?) -> ProviderCount? {
        guard let value else { return section?.count }
        if case .bool(false)? = value.scalar?.value { return nil }
        guard case .mapping = value.node.content else {
            value.expected("false, or a mapping")
            return nil
        }
        return value.mapping { map in
            guard var count = section?.count else {
                map.fail("the adapter itself has no 'reconcile' that says how the provider tells its balance")
                return nil
            }
            // Of the usage that the provider is asked for there is one, and no answer tells another.
            let isAsked = section?.rule.endpoint != nil
            for key in ["header", "pool"] where isAsked {
                map.optional(key)?.fail("the adapter asks for one balance ('usage'); an operation has no '\(key)' of its own then")
            }
            if let header = map.optional("header").flatMap(QuantityDecoder.header) { count.header = header }
            if let pool = map.optional("pool").flatMap(pool) { count.pool = pool }
            if let value = map.optional("credits") {
                let (credits, keys) = credits(value)
                if let credits { count.credits = credits }
                for key in keys { check(key, among: units) }
            }
            return count
        }
    }

    /// What an example counts, and what its answer says is left.
    static func expectation(_ value: ValueReader) -> (counted: Credits?, remaining: Credits?) {
        let read = value.mapping { map -> (Credits?, Credits?) in
            (map.optional("counted").flatMap(amount), map.optional("remaining").flatMap(amount))
        }
        return read ?? (nil, nil)
    }

    private static func check(_ key: KeyReader, among units: [String]) {
        guard !units.contains(key.text) else { return }
        let advice =
            nearest(to: key.text, among: units).map { "did you mean '\($0)'?" }
            ?? (units.isEmpty ? "nothing is charged" : "charged: \(units.joined(separator: ", "))")
        key.fail("\(quoted(key.text)) is no unit that is charged; \(advice)")
    }

    private static func credits(_ value: ValueReader) -> (credits: [String: Exact]?, keys: [KeyReader]) {
        var (credits, keys): ([String: Exact], [KeyReader]) = ([:], [])
        let read: [Void]? = value.entries { key, value in
            keys.append(key)
            guard let number = QuantityDecoder.number(value) else { return nil }
            guard !number.isNegative else {
                value.fail("a unit counts nothing or more")
                return nil
            }
            credits[key.text] = number
            return ()
        }
        return (read == nil ? nil : credits, keys)
    }

    private static func pool(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        guard name.wholeMatch(of: /[A-Za-z0-9_-]{1,64}/) != nil else {
            value.fail("\(quoted(value.written)) is no balance's name: letters, digits, '-' and '_', at most 64")
            return nil
        }
        return name
    }

    /// `1%`, or a number of credits.
    private static func bound(_ value: ValueReader) -> Reconciliation.Bound? {
        if case .string? = value.scalar?.value {
            guard let text = value.string() else { return nil }
            if text.hasSuffix("%"), let percent = try? Exact(decimal: text.dropLast()), !percent.isNegative,
                !Exact(100).isLess(than: percent)
            {
                return .percent(percent)
            }
            value.fail("expected a bound, such as 1% of what is counted or a number of credits, found \(quoted(value.written))")
            return nil
        }
        return amount(value).flatMap { amount in
            if amount >= .zero { return .credits(amount) }
            value.fail("a bound is not negative")
            return nil
        }
    }

    private static func lag(_ value: ValueReader) -> Int64? {
        value.duration(in: .zero ... .seconds(3600)).map { Int64($0 / .microseconds(1)) }
    }

    /// A number of what the provider counts.
    private static func amount(_ value: ValueReader) -> Credits? {
        guard let text = value.decimal() else { return nil }
        if let amount = Credits(text) { return amount }
        value.fail("the number \(shortened(text)) is out of range")
        return nil
    }

    private static func endpoint(_ map: MappingReader, pool: String) -> Reconciliation.Endpoint? {
        let path = map.required("path")
        let (remaining, used) = (map.optional("remaining"), map.optional("used"))
        if (remaining == nil) == (used == nil) {
            map.fail("'usage' names the number in the answer: either 'remaining', what is left, or 'used'")
            return nil
        }
        let place = (remaining ?? used).flatMap(QuantityDecoder.path)
        guard let path, let text = path.string(), let place else { return nil }
        // As it is sent: nothing is encoded or resolved on the way.
        guard text.hasPrefix("/"), text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            path.fail("a path begins with '/' and has no spaces")
            return nil
        }
        return Reconciliation.Endpoint(path: text, place: place, isUse: used != nil, pool: pool)
    }
}
