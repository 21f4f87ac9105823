internal import JSONPath

extension Streaming {
    /// Whether a request's body asks for a stream.
    package func isAskedFor(in body: RequestFacts.Body) -> Bool {
        guard case .json(let node) = body else { return false }
        // What takes too many steps to find out counts as no.
        return (try? when.holds(at: node)) == true
    }

    /// A request's body with this adapter's own members in it; nil where it does not ask for a stream or says all of it already.
    ///
    /// Only what differs is written: every other byte stays as the caller sent it.
    /// - Parameters:
    ///   - bytes: The body as it came.
    ///   - body: The same, parsed.
    package func merged(into bytes: [UInt8], _ body: RequestFacts.Body) -> [UInt8]? {
        guard !request.isEmpty, case .json(let node) = body, node.kind == .object, isAskedFor(in: body) else { return nil }
        var edits: [Edit] = []
        Self.merge(request, into: node, &edits)
        guard !edits.isEmpty else { return nil }
        var bytes = bytes
        // From the back, so that the places of those before stay what they are.
        for edit in edits.sorted(by: { $0.range.lowerBound > $1.range.lowerBound }) {
            bytes.replaceSubrange(edit.range, with: edit.bytes)
        }
        return bytes
    }

    private struct Edit {
        var range: Range<Int>
        var bytes: [UInt8]
    }

    private static func merge(_ members: [JSONValue.Member], into object: JSONNode, _ edits: inout [Edit]) {
        var added: [UInt8] = []
        for member in members {
            guard let present = object[member.name] else {
                if object.count > 0 || !added.isEmpty { added.append(UInt8(ascii: ",")) }
                added += JSONValue.object([member]).serialized.dropFirst().dropLast()
                continue
            }
            if case .object(let inner) = member.value, present.kind == .object {
                merge(inner, into: present, &edits)
            } else if (try? JSONValue(present))?.canonical != member.value.canonical {
                let raw = present.raw
                edits.append(Edit(range: raw.startIndex..<raw.endIndex, bytes: member.value.serialized))
            }
        }
        let end = object.raw.endIndex - 1
        if !added.isEmpty { edits.append(Edit(range: end..<end, bytes: added)) }
    }
}
