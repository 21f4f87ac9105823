/// Deep equality of two values, without recursion and in time about linear in their size.
struct JSONEquality {
    private let left: Tape
    private let right: Tape

    init(_ left: Tape, _ right: Tape) {
        self.left = left
        self.right = right
    }

    /// Whether the values are equal.
    func areEqual(_ first: Int, _ second: Int) -> Bool {
        var pending = [(first, second)]
        while let (a, b) = pending.popLast() {
            guard areAlike(a, b, &pending) else { return false }
        }
        return true
    }

    /// Compares two values but for their children, which it leaves in `pending`.
    private func areAlike(_ a: Int, _ b: Int, _ pending: inout [(Int, Int)]) -> Bool {
        if left.isString(a) {
            return right.isString(b) && left.withUTF8(a) { right.matches(b, $0) }
        }
        guard left.rawKind(a) == right.rawKind(b) else { return false }
        switch left.kind(a) {
        case .number: return Decimal(left.text(a)) == Decimal(right.text(b))
        case .array: return areArraysAlike(a, b, &pending)
        case .object: return areObjectsAlike(a, b, &pending)
        default: return true
        }
    }

    private func areArraysAlike(_ a: Int, _ b: Int, _ pending: inout [(Int, Int)]) -> Bool {
        guard left.length(a) == right.length(b) else { return false }
        var elements: [(Int, Int)] = []
        var (first, second) = (a + 2, b + 2)
        let end = left.next(a)
        while first < end {
            elements.append((first, second))
            (first, second) = (left.next(first), right.next(second))
        }
        pending.append(contentsOf: elements.reversed())
        return true
    }

    private func areObjectsAlike(_ a: Int, _ b: Int, _ pending: inout [(Int, Int)]) -> Bool {
        let (firsts, seconds) = (sortedMembers(left, a), sortedMembers(right, b))
        guard firsts.count == seconds.count else { return false }
        // Equal names have equal hashes, so each run of one hash has the same names on both sides, in some order; runs of more than one name are
        // freaks of chance.
        var start = 0
        while start < firsts.count {
            var end = start + 1
            while end < firsts.count, firsts[end].hash == firsts[start].hash { end += 1 }
            for first in firsts[start..<end] {
                let second = seconds[start..<end].first { candidate in
                    candidate.hash == first.hash && left.withUTF8(first.value - 1) { right.matches(candidate.value - 1, $0) }
                }
                guard let second else { return false }
                pending.append((first.value, second.value))
            }
            start = end
        }
        return true
    }

    private func sortedMembers(_ tape: Tape, _ object: Int) -> [(hash: Int, value: Int)] {
        var members: [(hash: Int, value: Int)] = []
        members.reserveCapacity(tape.length(object))
        tape.forEachChild(object) { members.append((tape.nameHash($0 - 1), $0)) }
        members.sort { $0.hash < $1.hash }
        return members
    }
}
