internal import JSONPath
internal import TokenCounting

/// Numbers and texts out of one call, before it (no response) or after it.
struct Reading {
    let request: RequestFacts
    let response: ResponseFacts?
    let tokenizer: Tokenizer

    /// A quantity's number: of the first source that has one, else the default. Never negative. Nil when there is none.
    ///
    /// Before the call, sources in the answer have none.
    func number(_ quantity: Quantity, name: String) throws(MeterFailure) -> Exact? {
        do {
            for source in quantity.sources {
                if let number = try number(source) { return number.isNegative ? .zero : number }
            }
        } catch .arithmetic(let error, _) {
            throw .arithmetic(error, name: name)
        }
        return quantity.fallback
    }

    /// What the provider says that it cost. One that does not say it, or not readably, is no problem: the cost does not depend on it.
    func money(_ quantity: Quantity) -> Money? {
        guard let amount = try? number(quantity, name: "reported") else { return nil }
        return try? amount.money()
    }

    private func number(_ source: Quantity.Source) throws(MeterFailure) -> Exact? {
        switch source {
        case .body(let path):
            guard let body = try responseBody() else { return nil }
            return try sum(path, in: body)
        case .request(let path):
            guard let body = try requestBody() else { return nil }
            return try sum(path, in: body)
        case .header(let name): return try response?.headers.first(name).flatMap(Self.number)
        case .query(let name): return try sum(parameter: name)
        case .path(let name): return try request.capture(name).flatMap(Self.number)
        case .count(let path, inRequest: true):
            guard let body = try requestBody() else { return .zero }
            return Exact(try nodes(path, in: body).count)
        case .count(let path, inRequest: false):
            guard let body = try responseBody() else { return nil }
            return Exact(try nodes(path, in: body).count)
        case .tokens(let paths, let each):
            guard let body = try requestBody() else { return .zero }
            return try tokens(paths, each: each, in: body)
        case .number(let number): return number
        }
    }

    /// A dimension's value: of the first source that has one. Nil when none has.
    func text(_ sources: [DimensionSource.Source], ignoring ignored: Set<String>) throws(MeterFailure) -> String? {
        for source in sources {
            if let text = try text(source), !ignored.contains(text) { return text }
        }
        return nil
    }

    private func text(_ source: DimensionSource.Source) throws(MeterFailure) -> String? {
        switch source {
        case .body(let path):
            guard let body = try responseBody() else { return nil }
            return try text(path, in: body)
        case .request(let path):
            guard let body = try requestBody() else { return nil }
            return try text(path, in: body)
        case .header(let name): return response?.headers.first(name)
        case .query(let name): return request.parameters(name).first
        case .path(let name): return request.capture(name)
        case .constant(let text): return text
        }
    }

    /// The first scalar among what a path selects.
    private func text(_ path: JSONPath, in body: JSONNode) throws(MeterFailure) -> String? {
        if path.isSingular { return try first(path, in: body).flatMap(Self.text) }
        for node in try nodes(path, in: body) {
            if let text = Self.text(node) { return text }
        }
        return nil
    }

    /// A scalar as dimensions compare it: numbers of one value, however written, are one text.
    private static func text(_ node: JSONNode) -> String? {
        switch node.kind {
        case .string: node.string
        case .number: node.number?.normalizedText
        case .true: "true"
        case .false: "false"
        case .null, .array, .object: nil
        }
    }

    /// The sum of the numbers among what a path selects; nil when there is none.
    private func sum(_ path: JSONPath, in body: JSONNode) throws(MeterFailure) -> Exact? {
        if path.isSingular {
            guard let node = try first(path, in: body) else { return nil }
            return try Self.number(node)
        }
        var sum: Exact?
        for node in try nodes(path, in: body) {
            guard let number = try Self.number(node) else { continue }
            do {
                sum = try (sum ?? .zero) + number
            } catch {
                throw .arithmetic(error, name: path.description)
            }
        }
        return sum
    }

    /// The sum of the numbers among a parameter's values; nil when there is none. Which of several a provider takes is not known.
    private func sum(parameter name: String) throws(MeterFailure) -> Exact? {
        var sum: Exact?
        for value in request.parameters(name) {
            guard let number = try Self.number(value) else { continue }
            do {
                sum = try (sum ?? .zero) + (number.isNegative ? .zero : number)
            } catch {
                throw .arithmetic(error, name: name)
            }
        }
        return sum
    }

    private func tokens(_ paths: [JSONPath], each: Exact?, in body: JSONNode) throws(MeterFailure) -> Exact {
        var counted = 0
        var others = 0
        for path in paths {
            for node in try nodes(path, in: body) {
                if let tokens = node.withUTF8({ tokenizer.count($0) }) {
                    counted += tokens
                } else if each != nil {
                    others += 1
                } else if !node.isNull {
                    // Nobody said what it counts; its JSON text is what a provider would be told of it.
                    counted += tokenizer.count(node.raw.span)
                }
            }
        }
        do {
            return try Exact(counted) + (each ?? .zero) * Exact(others)
        } catch {
            throw .arithmetic(error, name: "tokens")
        }
    }

    private func nodes(_ path: JSONPath, in body: JSONNode) throws(MeterFailure) -> [JSONNode] {
        do {
            return try path.nodes(in: body)
        } catch {
            throw .steps(error)
        }
    }

    private func first(_ path: JSONPath, in body: JSONNode) throws(MeterFailure) -> JSONNode? {
        do {
            return try path.first(in: body)
        } catch {
            throw .steps(error)
        }
    }

    private func requestBody() throws(MeterFailure) -> JSONNode? {
        switch request.body {
        case .none: nil
        case .json(let node): node
        case .unreadable(let reason): throw .unreadable(reason)
        }
    }

    private func responseBody() throws(MeterFailure) -> JSONNode? {
        switch response?.body {
        case nil: nil
        case .json(let node): node
        case .unread: throw .unreadable("the answer's body was not read")
        case .notJSON(let reason), .unreadable(let reason): throw .unreadable(reason)
        case .eventStream: throw .unreadable("the answer is an event stream")
        }
    }

    /// The number that a node is or, as a string, spells; nil for anything else.
    private static func number(_ node: JSONNode) throws(MeterFailure) -> Exact? {
        switch node.kind {
        case .number:
            do {
                return try Exact(decimalBytes: node.raw)
            } catch {
                throw .arithmetic(error, name: "")
            }
        case .string: return try node.string.flatMap(number)
        case .true, .false, .null, .array, .object: return nil
        }
    }

    private static func number(_ text: String) throws(MeterFailure) -> Exact? {
        var bytes = text.utf8[...]
        while let byte = bytes.first, byte == 0x20 || byte == 0x09 { bytes = bytes.dropFirst() }
        while let byte = bytes.last, byte == 0x20 || byte == 0x09 { bytes = bytes.dropLast() }
        do {
            return try Exact(decimalBytes: bytes)
        } catch {
            throw .arithmetic(error, name: "")
        }
    }
}

extension Billable {
    /// Whether an answer of that status can be charged at all.
    package func covers(status: Int) -> Bool {
        statuses?.contains(status) ?? (200..<300).contains(status)
    }

    /// Whether an answer is charged.
    func holds(_ response: ResponseFacts) throws(MeterFailure) -> Bool {
        guard covers(status: response.status) else { return false }
        if let when, try !Self.holds(when, response.body, ignored: true) { return false }
        if let unless, try Self.holds(unless, response.body, ignored: false) { return false }
        return true
    }

    /// `ignored` is the answer for event streams, which conditions do not look at.
    private static func holds(_ condition: JSONLogical, _ body: ResponseFacts.Body, ignored: Bool) throws(MeterFailure) -> Bool {
        switch body {
        case .json(let node):
            do {
                return try condition.holds(at: node)
            } catch {
                throw .steps(error)
            }
        case .notJSON: return condition.holdsOnNothing
        case .unreadable(let reason): throw .unreadable(reason)
        case .unread: throw .unreadable("the answer's body was not read")
        case .eventStream: return ignored
        }
    }
}
