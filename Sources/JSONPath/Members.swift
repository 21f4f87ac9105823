/// Objects: members by name, and which of several members with one name counts (the last).
extension Tape {
    /// The value of the last member with a name.
    @inline(__always)
    func member(_ object: Int, _ name: UnsafeBufferPointer<UInt8>) -> Int? {
        var found: Int?
        let end = next(object)
        var index = object + 2
        while index < end {
            if matches(index, name) { found = index + 1 }
            index = next(index + 1)
        }
        return found
    }

    /// An array's element, from the front (0) or the back (-1).
    @inline(__always)
    func element(_ array: Int, _ position: Int) -> Int? {
        let count = length(array)
        let position = position < 0 ? position + count : position
        guard position >= 0, position < count else { return nil }
        var index = array + 2
        for _ in 0..<position { index = next(index) }
        return index
    }

    /// Calls `body` with each element, or each member's value that counts, in the order of the text.
    @inline(__always)
    func forEachChild<Failure: Error>(_ index: Int, _ body: (Int) throws(Failure) -> Void) throws(Failure) {
        guard isContainer(index) else { return }
        let end = next(index)
        var child = index + 2
        if isArray(index) {
            while child < end {
                try body(child)
                child = next(child)
            }
            return
        }
        let overridden = overriddenValues(index)
        while child < end {
            let value = child + 1
            if overridden.isEmpty || !overridden.contains(value) { try body(value) }
            child = next(value)
        }
    }

    /// The values of an object that a later member with the same name replaces; almost always none.
    func overriddenValues(_ object: Int) -> Set<Int> {
        let count = length(object)
        guard count > 1 else { return [] }
        return count <= 24 && namesArePlain(object) ? overriddenByComparing(object) : overriddenByHashing(object, count: count)
    }

    private func namesArePlain(_ object: Int) -> Bool {
        let end = next(object)
        var index = object + 2
        while index < end {
            if isEscaped(index) { return false }
            index = next(index + 1)
        }
        return true
    }

    private func overriddenByComparing(_ object: Int) -> Set<Int> {
        var overridden: Set<Int> = []
        let end = next(object)
        var index = object + 2
        while index < end {
            var later = next(index + 1)
            while later < end {
                if sameName(index, later) {
                    overridden.insert(index + 1)
                    break
                }
                later = next(later + 1)
            }
            index = next(index + 1)
        }
        return overridden
    }

    /// Sorts by hash, so that a hundred thousand names cost no more than their sorting. The hash is seeded by the process: no text can be made of
    /// names that collide.
    private func overriddenByHashing(_ object: Int, count: Int) -> Set<Int> {
        var names: [(hash: Int, index: Int)] = []
        names.reserveCapacity(count)
        let end = next(object)
        var index = object + 2
        while index < end {
            names.append((nameHash(index), index))
            index = next(index + 1)
        }
        names.sort { $0.hash != $1.hash ? $0.hash < $1.hash : $0.index < $1.index }
        var overridden: Set<Int> = []
        for (earlier, later) in zip(names, names.dropFirst()) where earlier.hash == later.hash && sameName(earlier.index, later.index) {
            overridden.insert(earlier.index + 1)
        }
        return overridden
    }

    /// A hash of the characters of a string or member name.
    func nameHash(_ index: Int) -> Int {
        var hasher = Hasher()
        withUTF8(index) { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        return hasher.finalize()
    }

    @inline(__always)
    func sameName(_ left: Int, _ right: Int) -> Bool {
        if !isEscaped(left), !isEscaped(right) { return equalBytes(text(left), text(right)) }
        return withUTF8(left) { matches(right, $0) }
    }
}
