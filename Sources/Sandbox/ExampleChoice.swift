package import GatewayCore
import JSONPath

extension Adapter {
    /// The example of the same operation whose request is most like this one; nil when the operation has none.
    package func example(like request: UpstreamRequest, body: [UInt8]) -> Example? {
        let (path, query) = Self.split(request.target)
        guard let wanted = match(method: request.method, path: path) else { return nil }
        let parameters = Self.parameters(query)
        let members = Self.members(body)
        let asksForStream = operations[wanted.index].streaming?.isAskedFor(in: RequestFacts.body(body)) == true
        var best: (example: Example, score: Int)?
        for example in examples {
            let (examplePath, pathQuery) = Self.split(example.request.path)
            guard let match = match(method: example.request.method, path: examplePath), match.index == wanted.index else { continue }
            var score = examplePath == path ? 8 : 0
            let exampleParameters = Self.parameters(pathQuery).union(example.request.query.map { "\($0.name)=\($0.value)" })
            // A parameter weighs more than the rest of the path: it may ask for another kind of answer.
            score += 10 * exampleParameters.intersection(parameters).count - exampleParameters.subtracting(parameters).count
            let exampleMembers = Self.members(example.request.body ?? [])
            score += 4 * exampleMembers.intersection(members).count - exampleMembers.subtracting(members).count
            // Whoever reads a stream can do nothing with an answer that is none, and the other way round.
            let isStream = operations[wanted.index].streaming?.isAskedFor(in: RequestFacts.body(example.request.body)) == true
            if isStream == asksForStream { score += 64 }
            // Sixteenths: a success wins among equals, and only there.
            score = score * 16 + ((200..<300).contains(example.response.status) ? 1 : 0)
            if best.map({ score > $0.score }) ?? true { best = (example, score) }
        }
        return best?.example
    }

    private static func split(_ target: String) -> (path: String, query: Substring) {
        guard let mark = target.firstIndex(of: "?") else { return (target, "") }
        return (String(target[..<mark]), target[target.index(after: mark)...])
    }

    private static func parameters(_ query: Substring) -> Set<String> {
        // As they are meant, however they are encoded.
        Set(query.split(separator: "&").map { PercentCoding.decoded($0, isQuery: true) })
    }

    /// The body's members as canonical text, so that order and spacing do not matter.
    private static func members(_ body: [UInt8]) -> Set<String> {
        guard !body.isEmpty, let document = try? JSONDocument(parsing: body), let value = try? JSONValue(document.root) else { return [] }
        guard case .object(let members) = value else { return [String(decoding: value.canonical, as: UTF8.self)] }
        return Set(members.map { "\($0.name)=\(String(decoding: $0.value.canonical, as: UTF8.self))" })
    }
}
