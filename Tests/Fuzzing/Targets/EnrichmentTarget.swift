import GatewayCore
import JSONPath

extension FuzzTarget {
    /// A template, an empty line, and a question about a person: whatever a caller says stays in its segment, its parameter, its header and its string.
    static let enrichment = FuzzTarget("enrichment", maximumLength: 1024, shortRun: 4000) { bytes in
        let (text, body) = halves(bytes)
        guard let body, let question = try? EnrichmentQuestion(parsing: body, about: .person) else { return false }
        for (field, value) in question.match.values {
            try promise(!value.utf8.contains { $0 < 0x20 || $0 == 0x7F }, "\(field) has a control character")
        }
        guard let template = try? TextTemplate(text, for: .person), !template.pieces.contains(where: \.isLiteral) else { return false }
        let request = RequestTemplate(
            method: "POST", path: (try? TextTemplate("/a/" + text, for: .person)) ?? template, query: [("q", template)],
            headers: [("X", template)],
            body: .object([("a", .text(template))]))
        guard let whole = template.text(question.match) else {
            try promise(request.request(for: question.match) == nil, "a path stands without its value")
            return false
        }
        guard let made = request.request(for: question.match) else { throw BrokenPromise(description: "a path is without its value") }
        let parts = made.target.split(separator: "?", omittingEmptySubsequences: false)
        try promise(parts.count == 2 && made.target.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(made.target) is no target")
        try promise(parts[0].utf8.count { $0 == UInt8(ascii: "/") } == 2, "\(parts[0]) has another segment")
        try promise(PercentCoding.decoded(parts[0].dropFirst(3)).utf8.elementsEqual(whole.utf8), "the path says something else")
        try promise(!parts[1].contains("&") && !parts[1].contains("#"), "\(parts[1]) has another parameter")
        try promise(
            PercentCoding.decoded(parts[1].dropFirst(2), isQuery: true).utf8.elementsEqual(whole.utf8), "the query says something else")
        let root = try JSONDocument(parsing: made.body ?? []).root
        try promise(root.count == 1 && root["a"]?.string?.utf8.elementsEqual(whole.utf8) == true, "the body says something else")
        return true
    }
}

extension TextTemplate.Piece {
    /// Literals are the adapter's own, and stand as they are.
    fileprivate var isLiteral: Bool { if case .literal = self { true } else { false } }
}
