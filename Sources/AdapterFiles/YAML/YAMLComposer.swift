/// Builds the tree of nodes from libyaml's events: aliases expanded, merge keys applied, limits kept.
struct YAMLComposer {
    /// A finished node with the measure of what it holds, aliases expanded.
    private struct Composed {
        var node: YAMLNode
        var size = 1
        var height = 0
    }

    /// A name that an alias can refer to.
    private enum Anchor {
        /// Its node is still being read: an alias to it now would contain itself.
        case open
        case complete(Composed)
    }

    private let source: YAMLSource
    private let file: String
    private let diagnostics: Diagnostics
    private var anchors: [String: Anchor] = [:]
    private var nodes = 0
    private var usesAliases = false

    init(source: YAMLSource, file: String, diagnostics: Diagnostics) {
        self.source = source
        self.file = file
        self.diagnostics = diagnostics
    }

    /// The file's only document.
    mutating func document() throws(YAMLFailure) -> YAMLNode {
        var events: YAMLEvents
        do throws(YAMLSyntaxError) { events = try YAMLEvents(source) } catch { throw explained(error) }
        var root: YAMLNode?
        while true {
            let event = try next(&events)
            switch event.kind {
            case .streamStart, .documentEnd: continue
            case .streamEnd:
                guard let root else { throw YAMLFailure(mark: .start, message: "the file has no content") }
                return root
            case .documentStart where root != nil:
                throw YAMLFailure(mark: event.mark, message: "a second document starts here; a file holds one")
            case .documentStart: root = try compose(try next(&events), depth: 0, from: &events).node
            default: throw Self.unexpected(event)
            }
        }
    }

    private func next(_ events: inout YAMLEvents) throws(YAMLFailure) -> YAMLEvent {
        do throws(YAMLSyntaxError) { return try events.next() } catch { throw explained(error) }
    }

    private func explained(_ error: YAMLSyntaxError) -> YAMLFailure {
        YAMLSyntaxExplanation(error: error, source: source).failure
    }

    private static func unexpected(_ event: YAMLEvent) -> YAMLFailure {
        YAMLFailure(mark: event.mark, message: "the YAML parser lost its place here")
    }

    private func report(_ mark: SourceMark, _ message: String) {
        diagnostics.report(Diagnostic(file: file, mark: mark, message: message))
    }

    /// The node that `event` begins. Recursion is as deep as the nesting, which `maximumDepth` bounds.
    private mutating func compose(_ event: YAMLEvent, depth: Int, from events: inout YAMLEvents) throws(YAMLFailure) -> Composed {
        switch event.kind {
        case .alias(let name): return try expand(name, at: event.mark, depth: depth)
        case .scalar(let scalar, let properties):
            try count(1, at: event.mark)
            reportTag(properties, scalar: scalar, at: event.mark)
            if scalar.text.utf8.contains(0) { report(event.mark, "the character U+0000 is not allowed in a string") }
            let composed = Composed(node: YAMLNode(.scalar(scalar), at: event.mark))
            if let anchor = properties.anchor { anchors[anchor] = .complete(composed) }
            return composed
        case .sequenceStart(let properties):
            try open(properties, at: event.mark, depth: depth)
            return close(properties, try sequence(at: event.mark, depth: depth + 1, from: &events))
        case .mappingStart(let properties):
            try open(properties, at: event.mark, depth: depth)
            return close(properties, try mapping(at: event.mark, depth: depth + 1, from: &events))
        default: throw Self.unexpected(event)
        }
    }

    private mutating func open(_ properties: YAMLEvent.Properties, at mark: SourceMark, depth: Int) throws(YAMLFailure) {
        try count(1, at: mark)
        guard depth < YAMLNode.maximumDepth else { throw Self.tooDeep(mark) }
        reportTag(properties, scalar: nil, at: mark)
        if let anchor = properties.anchor { anchors[anchor] = .open }
    }

    private mutating func close(_ properties: YAMLEvent.Properties, _ composed: Composed) -> Composed {
        if let anchor = properties.anchor { anchors[anchor] = .complete(composed) }
        return composed
    }

    private mutating func sequence(at mark: SourceMark, depth: Int, from events: inout YAMLEvents) throws(YAMLFailure) -> Composed {
        var elements: [YAMLNode] = []
        var whole = Composed(node: YAMLNode(.unreadable, at: mark), height: 1)
        while true {
            let event = try next(&events)
            if case .sequenceEnd = event.kind { break }
            let element = try compose(event, depth: depth, from: &events)
            elements.append(element.node)
            Self.measure(element, into: &whole)
        }
        whole.node.content = .sequence(elements)
        return whole
    }

    private mutating func mapping(at mark: SourceMark, depth: Int, from events: inout YAMLEvents) throws(YAMLFailure) -> Composed {
        var entries = YAMLEntries()
        var whole = Composed(node: YAMLNode(.unreadable, at: mark), height: 1)
        while true {
            let event = try next(&events)
            if case .mappingEnd = event.kind { break }
            let key = try compose(event, depth: depth, from: &events)
            let value = try compose(try next(&events), depth: depth, from: &events)
            Self.measure(key, into: &whole)
            Self.measure(value, into: &whole)
            // A key behind an alias is reported where it is used, not where it is defined.
            if let problem = entries.add(key: YAMLNode(key.node.content, at: event.mark), value: value.node) {
                report(problem.mark, problem.message)
            }
        }
        whole.node.content = .mapping(entries.merged())
        return whole
    }

    private static func measure(_ part: Composed, into whole: inout Composed) {
        whole.size += part.size
        whole.height = max(whole.height, part.height + 1)
    }

    private mutating func expand(_ name: String, at mark: SourceMark, depth: Int) throws(YAMLFailure) -> Composed {
        usesAliases = true
        switch anchors[name] {
        case .complete(let composed):
            try count(composed.size, at: mark)
            guard depth + composed.height <= YAMLNode.maximumDepth else { throw Self.tooDeep(mark) }
            return composed
        case .open: report(mark, "the alias \(quoted("*" + name)) stands inside the very node that it names")
        case nil:
            report(mark, "no anchor \(quoted("&" + name)) stands above this alias; if \(quoted("*" + name)) is text, put it in quotes")
        }
        try count(1, at: mark)
        return Composed(node: YAMLNode(.unreadable, at: mark))
    }

    /// Counts nodes before they are used, so that expanding aliases stops early. Sizes are bounded by the limit: no sum overflows.
    private mutating func count(_ added: Int, at mark: SourceMark) throws(YAMLFailure) {
        nodes += added
        guard nodes <= YAMLNode.maximumNodes else {
            let aliases = usesAliases ? "with its aliases expanded, " : ""
            throw YAMLFailure(mark: mark, message: "\(aliases)the file has more than \(YAMLNode.maximumNodes) values")
        }
    }

    private static func tooDeep(_ mark: SourceMark) -> YAMLFailure {
        YAMLFailure(mark: mark, message: "lists and mappings are nested more than \(YAMLNode.maximumDepth) deep")
    }

    private func reportTag(_ properties: YAMLEvent.Properties, scalar: YAMLScalar?, at mark: SourceMark) {
        guard let tag = properties.tag else { return }
        let standard = "tag:yaml.org,2002:"
        let written = tag.hasPrefix(standard) ? "!!" + tag.dropFirst(standard.count) : tag
        report(mark, "YAML reads \(quoted(written)) as a tag, and tags are not supported; if it is text, put the whole value in quotes")
    }
}
