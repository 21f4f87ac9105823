/// The entries of one mapping while it is read: keys told apart, then the merge key applied.
struct YAMLEntries {
    private var entries: [YAMLNode.Entry] = []
    private var marks: [String: SourceMark] = [:]
    /// Where `<<` stood among the entries, and the mappings that it brings in, those that win first.
    private var merge: (position: Int, sources: [[YAMLNode.Entry]])?

    /// Adds an entry. One whose key cannot count is left out; what is wrong with it is returned.
    mutating func add(key: YAMLNode, value: YAMLNode) -> YAMLFailure? {
        let name: YAMLScalar
        switch key.content {
        case .scalar(let scalar): name = scalar
        case .unreadable: return nil
        case .mapping:
            return YAMLFailure(mark: key.mark, message: "a key cannot be a mapping; a text that starts with '{' needs quotes")
        case .sequence:
            return YAMLFailure(mark: key.mark, message: "a key cannot be a list; a text that starts with '[' needs quotes")
        }
        if let first = marks[name.text] {
            return YAMLFailure(
                mark: key.mark, message: "duplicate key \(quoted(name.text)); it is first at line \(first.line), column \(first.column)")
        }
        marks[name.text] = key.mark
        guard name.isPlain, name.text == "<<" else {
            entries.append(YAMLNode.Entry(key: key, value: value))
            return nil
        }
        var sources: [[YAMLNode.Entry]] = []
        var problem: YAMLFailure?
        for node in Self.list(value) {
            switch node.content {
            case .mapping(let merged): sources.append(merged)
            case .unreadable: continue
            case .scalar, .sequence:
                problem =
                    problem
                    ?? YAMLFailure(
                        mark: node.mark, message: "'<<' takes a mapping, an alias of one, or a list of these, found \(node.summary)")
            }
        }
        merge = (entries.count, sources)
        return problem
    }

    private static func list(_ value: YAMLNode) -> [YAMLNode] {
        if case .sequence(let nodes) = value.content { nodes } else { [value] }
    }

    /// All entries. Keys written out win over merged ones, wherever they stand; of several merged mappings the earlier one wins.
    func merged() -> [YAMLNode.Entry] {
        guard let merge else { return entries }
        var names = Set(marks.keys)
        var added: [YAMLNode.Entry] = []
        for source in merge.sources {
            for entry in source where names.insert(entry.name).inserted { added.append(entry) }
        }
        var result = entries
        result.insert(contentsOf: added, at: merge.position)
        return result
    }
}
