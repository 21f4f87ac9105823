@testable import JSONPath

extension FuzzTarget {
    /// Regular expressions, against matching on the tree. Behind an empty line is the text.
    static let regexp = FuzzTarget("regexp", maximumLength: 256, shortRun: 3000) { bytes in
        let (pattern, rest) = halves(bytes)
        var subject = String(String(decoding: rest ?? Array("abc-é12".utf8), as: UTF8.self).unicodeScalars.prefix(24))
        let scalars = Array(subject.unicodeScalars)
        let utf8 = Array(pattern.utf8)
        let tree = utf8.withUnsafeBufferPointer { utf8 in
            var parser = IRegexpParser(utf8)
            return try? parser.parse()
        }
        guard let tree, let expression = utf8.withUnsafeBufferPointer({ try? IRegexp($0) }) else { return false }
        var work = 0
        let (isWhole, isFound) = subject.withUTF8 { utf8 in
            (expression.matches(utf8, whole: true) { work += $0 }, expression.matches(utf8, whole: false) { work += $0 })
        }
        let bound = 2 * (scalars.count + 1) * (expression.program.count + 1)
        try promise(work <= bound, "\(work) steps for \(bound) pairs of a character and a state")
        var plain = PlainMatcher(scalars: scalars)
        let whole = plain.ends(tree, from: [0]).contains(scalars.count)
        let found = !plain.ends(tree, from: Set(0...scalars.count)).isEmpty
        guard !plain.isExhausted else { return true }
        try promise(isWhole == whole, "'\(pattern)' and '\(subject)': match says \(isWhole), the tree \(whole)")
        try promise(isFound == found, "'\(pattern)' in '\(subject)': search says \(isFound), the tree \(found)")
        return true
    }
}

/// Matches by sets of positions, straight from the tree: no program, no states. Gives up on expressions nested so that it takes too long.
private struct PlainMatcher {
    let scalars: [Unicode.Scalar]
    private var patience = 20_000

    init(scalars: [Unicode.Scalar]) {
        self.scalars = scalars
    }

    var isExhausted: Bool { patience < 0 }

    /// Where a match can end that starts at one of these.
    mutating func ends(_ tree: IRegexpTree, from starts: Set<Int>) -> Set<Int> {
        patience -= 1
        if starts.isEmpty || isExhausted { return [] }
        switch tree {
        case .edge(.start): return starts.intersection([0])
        case .edge(.end): return starts.intersection([scalars.count])
        case .scalars(let some):
            return Set(starts.filter { $0 < scalars.count && some.contains(scalars[$0]) }.map { $0 + 1 })
        case .sequence(let parts):
            var current = starts
            for part in parts { current = ends(part, from: current) }
            return current
        case .alternatives(let parts):
            var all: Set<Int> = []
            for part in parts { all.formUnion(ends(part, from: starts)) }
            return all
        case .repeated(let part, let least, let most):
            var current = starts
            for _ in 0..<least {
                let next = ends(part, from: current)
                if next == current { break }
                current = next
            }
            var all = current
            var count = least
            while !current.isEmpty, most.map({ count < $0 }) ?? true {
                current = ends(part, from: current).subtracting(all)
                all.formUnion(current)
                count += 1
            }
            return all
        }
    }
}
