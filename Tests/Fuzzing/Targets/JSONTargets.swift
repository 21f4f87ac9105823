import GatewayCore

@testable import JSONPath

extension FuzzTarget {
    /// JSON bodies, against a plain reading of RFC 8259's grammar.
    static let json = FuzzTarget("json", maximumLength: 2048, shortRun: 2000) { bytes in
        let isJSON = ReferenceGrammar.accepts(bytes)
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: bytes)
        } catch let error as JSONError {
            try promise(!isJSON, "JSON is refused: \(error)")
            try promise((0...bytes.count).contains(error.offset), "an error outside the text: \(error)")
            return false
        }
        try promise(isJSON, "what is no JSON is taken")
        try promise(document.root.isEqual(to: document.root), "the value is not equal to itself")
        let nodes = try JSONPath("$..*").nodes(in: document.root)
        for node in ([document.root] + nodes).prefix(64) { try check(node, in: document) }
        do {
            try checkValue(JSONValue(document.root), of: document.root)
        } catch is JSONDepthError {
            try promise(bytes.count { "[{".utf8.contains($0) } > JSONValue.maximumDepth, "a shallow value is refused as too deep")
        }
        return true
    }

    /// A node's own text is the same value again, its path finds it, and its children are the same whichever way they are asked for.
    private static func check(_ node: JSONNode, in document: JSONDocument) throws {
        let copy = try JSONDocument(parsing: Array(node.raw)).root
        try promise(copy.isEqual(to: node) && node.isEqual(to: copy), "a node's own text is another value")
        try promise(copy.count == node.count && copy.string == node.string && copy.bool == node.bool, "a node's own text reads differently")
        let path = try JSONPath(node.normalizedPath)
        try promise(path.isSingular, "a normalized path is not singular: \(path)")
        try promise(path.first(in: document.root)?.index == node.index, "\(path) does not lead back to its node")
        let children = node.children
        try promise(children.count == node.count, "\(node.count) children are counted, \(children.count) listed")
        if node.kind == .object {
            let members = node.members
            try promise(members.map(\.value.index) == children.map(\.index), "members and children differ")
            for (name, value) in members { try promise(node[name]?.index == value.index, "'\(name)' is not found by its name") }
        } else {
            for (position, child) in children.enumerated() {
                try promise(node[position]?.index == child.index, "element \(position) is not found")
            }
            try promise(node[children.count] == nil, "there is an element behind the last")
        }
        if let number = node.number { try check(number) }
    }

    private static func checkValue(_ value: JSONValue, of node: JSONNode) throws {
        try promise(JSONDocument(parsing: value.serialized).root.isEqual(to: node), "the serialized value is another")
        let canonical = try JSONDocument(parsing: value.canonical)
        try promise(canonical.root.isEqual(to: node), "the canonical value is another")
        try promise(JSONValue(canonical.root).canonical == value.canonical, "the canonical text of a canonical text differs")
    }

    /// One number, three readers of it: they agree, or decline.
    private static func check(_ number: JSONNumber) throws {
        guard let normal = JSONNumber(number.normalizedText) else {
            throw BrokenPromise(description: "\(number) is normalized to no number")
        }
        try promise(normal == number && normal.hashValue == number.hashValue, "\(number) is normalized to another, \(normal)")
        try promise(normal.normalizedText == normal.text, "\(number) is normalized only halfway, to \(normal)")
        if let integer = number.int64 {
            try promise(number.isInteger && JSONNumber(integer) == number, "\(number) is not the integer \(integer)")
        }
        guard let exact = (try? Exact(decimal: number.text)) ?? nil, let (significand, exponent) = number.decimal,
            let scale = (try? Exact(decimal: "1e\(exponent)")) ?? nil, let product = try? Exact(significand) * scale
        else { return }
        try promise(exact == product, "\(number) is \(exact) to the meter and \(product) to JSON")
    }

    /// Queries, logical expressions and what they select. Behind an empty line there may be a document; else there is one here.
    static let query = FuzzTarget("query", maximumLength: 1024, shortRun: 2000) { bytes in
        let (text, body) = halves(bytes)
        let document = try body.flatMap { try? JSONDocument(parsing: $0) } ?? JSONDocument(parsing: standardDocument)
        let isQuery = try check(query: text, document)
        let isExpression = try check(expression: text, document.root)
        return isQuery || isExpression
    }

    private static let standardDocument = """
        {"a":[1,2.50,{"b":"x"},[true,null,"x"]],"b":{"a":"a|b","é":-0},"usage":{"tokens":82},"k":[[],{},[[3,1]]],"a1":"^[a-c]+$"}
        """

    /// Few enough steps that none takes long, enough for whatever a text of this size selects.
    private static let steps = 20_000

    private static func check(query text: String, _ document: JSONDocument) throws -> Bool {
        let path: JSONPath
        do {
            path = try JSONPath(text)
        } catch {
            try check(error, in: text)
            return false
        }
        try promise(path == JSONPath(path.description), "a query is not equal to itself")
        do {
            let nodes = try path.nodes(in: document.root, limit: steps)
            try promise(nodes.count <= steps, "\(nodes.count) nodes in \(steps) steps")
            try promise(!path.isSingular || nodes.count <= 1, "a singular query selects \(nodes.count) nodes")
            try promise(path.first(in: document.root, limit: steps)?.index == nodes.first?.index, "the first node is not the first")
            for node in nodes.prefix(8) {
                let place = try JSONPath(node.normalizedPath)
                try promise(place.nodes(in: document.root).map(\.index) == [node.index], "\(place) does not lead back to its node")
            }
            if let few = try? path.nodes(in: document.root, limit: 50) {
                try promise(few.map(\.index) == nodes.map(\.index), "what is selected depends on the limit")
            }
        } catch is JSONPathEvaluationError {}
        return true
    }

    private static func check(expression text: String, _ root: JSONNode) throws -> Bool {
        let expression: JSONLogical
        do {
            expression = try JSONLogical(text)
        } catch {
            try check(error, in: text)
            return false
        }
        do {
            let opposite = try JSONLogical("!(\(text))")
            try promise(
                opposite.holdsOnNothing != expression.holdsOnNothing, "of a condition and its opposite both hold on nothing, or none")
            let holds = try expression.holds(at: root, limit: steps)
            try promise(opposite.holds(at: root, limit: 2 * steps) != holds, "of a condition and its opposite both hold, or none")
            // Where '$' is not named, a filter asks each element the same.
            guard !text.utf8.contains(UInt8(ascii: "$")) else { return true }
            let list = try JSONDocument(parsing: Array("[".utf8) + root.raw + Array("]".utf8))
            let selected = try JSONPath("$[?\(text)]").nodes(in: list.root, limit: 2 * steps)
            try promise((selected.count == 1) == holds, "a condition holds for a node, but not in a filter, or the reverse")
        } catch is JSONPathEvaluationError {
        } catch let error as JSONPathError {
            try promise(error.message.hasPrefix("nested deeper"), "a condition's opposite, or its filter, is refused: \(error)")
        }
        return true
    }

    private static func check(_ error: JSONPathError, in text: String) throws {
        try promise((0...text.unicodeScalars.count).contains(error.offset), "an error outside the text: \(error)")
        try promise(!error.message.isEmpty, "an error without words")
    }
}
