/// A YAML document as written: scalars unresolved, mappings in file order, aliases and merge keys already applied.
///
/// A node behind an alias or a merge key keeps the mark of the place where it is written.
package struct YAMLNode: Sendable, Hashable {
    /// A key and its value. Keys are always scalars and are told apart by their text.
    package struct Entry: Sendable, Hashable {
        package var key: YAMLNode
        package var value: YAMLNode

        package init(key: YAMLNode, value: YAMLNode) {
            self.key = key
            self.value = value
        }

        /// The key's text.
        package var name: String {
            if case .scalar(let scalar) = key.content { scalar.text } else { "" }
        }
    }

    /// What stands at the node.
    package enum Content: Sendable, Hashable {
        case scalar(YAMLScalar)
        case sequence([YAMLNode])
        case mapping([Entry])
        /// Something that was already reported (an unknown alias, say). Readers pass over it, so that one mistake is one diagnostic.
        case unreadable
    }

    package var content: Content
    package var mark: SourceMark

    package init(_ content: Content, at mark: SourceMark) {
        self.content = content
        self.mark = mark
    }

    /// The value of `name` in a mapping; nil when there is none, or when this is no mapping.
    package subscript(name: String) -> YAMLNode? {
        guard case .mapping(let entries) = content else { return nil }
        return entries.first { $0.name == name }?.value
    }

    /// Whether this is a plain scalar that means null: nothing at all, `~` or `null`.
    package var isNull: Bool {
        if case .scalar(let scalar) = content { scalar.value == .null } else { false }
    }

    /// What a message calls this node: "a list", "the number 3".
    package var summary: String {
        switch content {
        case .sequence: "a list"
        case .mapping: "a mapping"
        case .unreadable: "something unreadable"
        case .scalar(let scalar):
            switch scalar.value {
            case .null: "nothing"
            case .bool: scalar.text
            case .integer, .decimal, .unrepresentable: "the number \(shortened(scalar.text))"
            case .string: "the string \(quoted(scalar.text))"
            }
        }
    }
}

extension YAMLNode {
    /// Files larger than this are refused unread, in bytes.
    package static let maximumBytes = 4 << 20
    /// The most nodes a file may have once its aliases are expanded.
    package static let maximumNodes = 100_000
    /// The deepest nesting of lists and mappings, aliases expanded.
    package static let maximumDepth = 64

    /// Reads one YAML document.
    ///
    /// Mistakes that leave the structure clear (a duplicate key, a tag, an unknown alias) are reported and reading goes on, so the
    /// result counts only if `diagnostics` has no errors in the end.
    /// - Parameters:
    ///   - bytes: the file's contents, UTF-8 with or without a byte order mark.
    ///   - file: the name that diagnostics carry.
    /// - Returns: the document's root, or nil when what is there cannot be read as one YAML document; the reason is reported.
    package static func parse(_ bytes: [UInt8], file: String, diagnostics: Diagnostics) -> YAMLNode? {
        do throws(YAMLFailure) {
            let source = try YAMLSource(bytes)
            var composer = YAMLComposer(source: source, file: file, diagnostics: diagnostics)
            return try composer.document()
        } catch {
            diagnostics.report(Diagnostic(file: file, mark: error.mark, message: error.message))
            return nil
        }
    }
}

/// A problem after which nothing more can be read from the file.
struct YAMLFailure: Error {
    var mark: SourceMark
    var message: String
}
