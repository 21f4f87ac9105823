/// One evaluation of a query or expression. Walks the tape: neither the document's depth nor the number of segments uses call stack, only the nesting of
/// the query itself does, which its parser bounds. Work is counted in steps and ends in an error when it passes the limit.
struct Evaluation {
    /// In place of a node's index, where there is no document: queries that start there select nothing.
    static let nothing = -1

    let tape: Tape
    private let root: Int
    private let limit: Int
    /// The steps that are left.
    private(set) var remaining: Int
    /// Expressions that the document holds, by their text: nil for those that are not I-Regexps.
    var patterns: [[UInt8]: IRegexp?] = [:]

    /// `tape` must stay valid as long as the evaluation.
    init(_ tape: Tape, root: Int, limit: Int) {
        self.tape = tape
        self.root = root
        self.limit = limit
        remaining = limit
    }

    @inline(__always)
    mutating func charge(_ steps: Int) throws(JSONPathEvaluationError) {
        remaining -= steps
        if remaining < 0 { throw .tooManySteps(limit: limit) }
    }

    /// Follows a query's singular steps: to the one node, if there is one, at which its segments start.
    @inline(__always)
    mutating func resolve(_ query: Query, at current: Int) throws(JSONPathEvaluationError) -> Int? {
        var node = query.isAbsolute ? root : current
        guard node != Evaluation.nothing else { return nil }
        for step in query.steps {
            guard let next = try follow(step, from: node) else { return nil }
            node = next
        }
        return node
    }

    @inline(__always)
    private mutating func follow(_ step: Step, from node: Int) throws(JSONPathEvaluationError) -> Int? {
        switch step {
        case .name(let name):
            guard tape.isObject(node) else { return nil }
            try charge(1 + tape.length(node) / 8)
            return name.withUnsafeBufferPointer { tape.member(node, $0) }
        case .index(let position):
            guard tape.isArray(node) else { return nil }
            try charge(1 + min(position < 0 ? tape.length(node) : position, tape.length(node)) / 8)
            return tape.element(node, position)
        }
    }

    /// The nodes that a query selects.
    mutating func select(_ query: Query, at current: Int) throws(JSONPathEvaluationError) -> [Int] {
        guard let start = try resolve(query, at: current) else { return [] }
        var nodes = [start]
        for segment in query.segments {
            var selected: [Int] = []
            for node in nodes {
                if segment.isDescendant {
                    try applyToDescendants(segment.selectors, node, &selected)
                } else if tape.isContainer(node) {
                    try apply(segment.selectors, node, &selected)
                }
            }
            nodes = selected
        }
        return nodes
    }

    /// Applies selectors to a node and then all its descendants. On the tape these stand in the very order that the standard asks for.
    private mutating func applyToDescendants(_ selectors: [Selector], _ node: Int, _ selected: inout [Int]) throws(JSONPathEvaluationError)
    {
        let end = tape.next(node)
        var overridden: Set<Int> = []
        var index = node
        while index < end {
            if tape.isName(index) {
                index += 1
                if !overridden.isEmpty, overridden.contains(index) { index = tape.next(index) }
                continue
            }
            try charge(1)
            guard tape.isContainer(index) else {
                index += 1
                continue
            }
            try apply(selectors, index, &selected)
            if tape.isObject(index) { overridden.formUnion(tape.overriddenValues(index)) }
            index += 2
        }
    }

    private mutating func apply(_ selectors: [Selector], _ node: Int, _ selected: inout [Int]) throws(JSONPathEvaluationError) {
        for selector in selectors {
            switch selector {
            case .step(let step):
                if let child = try follow(step, from: node) { selected.append(child) }
            case .wildcard:
                try charge(tape.length(node))
                tape.forEachChild(node) { selected.append($0) }
            case .slice(let slice):
                try apply(slice, node, &selected)
            case .filter(let expression):
                try charge(tape.length(node))
                let tape = tape
                try tape.forEachChild(node) { (child) throws(JSONPathEvaluationError) in
                    if try holds(expression, at: child) { selected.append(child) }
                }
            }
        }
    }

    private mutating func apply(_ slice: Slice, _ node: Int, _ selected: inout [Int]) throws(JSONPathEvaluationError) {
        guard tape.isArray(node), slice.step != 0 else { return }
        let count = tape.length(node)
        try charge(1 + count / 4)
        let (from, to) = slice.bounds(count: count)
        guard slice.step > 0 ? from < to : from > to else { return }
        if slice.step > 0 {
            var (position, index) = (0, node + 2)
            while position < to {
                if position >= from, (position - from) % slice.step == 0 {
                    try charge(1)
                    selected.append(index)
                }
                index = tape.next(index)
                position += 1
            }
            return
        }
        // Backwards: gather from the front, then turn around.
        var gathered: [Int] = []
        var (position, index) = (0, node + 2)
        while position <= from {
            if position > to, (from - position) % slice.step == 0 {
                try charge(1)
                gathered.append(index)
            }
            index = tape.next(index)
            position += 1
        }
        selected.append(contentsOf: gathered.reversed())
    }
}

extension Tape {
    /// Lends a tape on which no query that starts at `Evaluation.nothing` reads anything.
    static func withNothing<Result, Failure: Error>(_ body: (Tape) throws(Failure) -> Result) throws(Failure) -> Result {
        var byte: UInt8 = 0
        var word: UInt64 = 0
        return try withUnsafePointer(to: &byte) { (bytes) throws(Failure) -> Result in
            try withUnsafePointer(to: &word) { (words) throws(Failure) -> Result in try body(Tape(bytes: bytes, words: words)) }
        }
    }
}
