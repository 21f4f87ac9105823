/// Kept answers in memory, bounded in bytes and number: those that were used least recently go first.
package struct AnswerMemory: Sendable {
    private struct Slot: Sendable {
        var answer: KeptAnswer?
        /// Towards the most recently used one.
        var newer: Int
        /// Towards the least recently used one.
        var older: Int
    }

    /// The most answers, however small they are.
    package static let largestCount = 65_536
    /// No such place. Slot 0 is the ring's own: its `older` is the newest, its `newer` the oldest.
    private static let ring = 0

    private var slots = [Slot(answer: nil, newer: 0, older: 0)]
    private var free: [Int] = []
    private var places: [CacheKey: Int] = [:]
    /// About what all of them take.
    package private(set) var bytes = 0

    package init() {}

    package var count: Int { places.count }

    /// What is kept for a key; one that has expired is forgotten.
    package mutating func answer(_ key: CacheKey, at now: Timestamp) -> KeptAnswer? {
        guard let place = places[key], let answer = slots[place].answer else { return nil }
        guard now < answer.expiresAt else {
            remove(place)
            return nil
        }
        unlink(place)
        link(place)
        return answer
    }

    /// Keeps an answer in the place of an older one of its key, and forgets what no longer fits.
    package mutating func keep(_ answer: KeptAnswer, limit: Int, count: Int = largestCount) {
        if let place = places[answer.key] {
            if let known = slots[place].answer, known.keptAt > answer.keptAt { return }
            remove(place)
        }
        // Alone too large: it would drive everything else out.
        guard answer.size <= limit / 2 else { return trim(to: limit, count: count) }
        let place = free.popLast() ?? slots.count
        let slot = Slot(answer: answer, newer: Self.ring, older: Self.ring)
        if place == slots.count { slots.append(slot) } else { slots[place] = slot }
        places[answer.key] = place
        bytes += answer.size
        link(place)
        trim(to: limit, count: count)
    }

    private mutating func trim(to limit: Int, count: Int) {
        while bytes > limit || places.count > count, slots[Self.ring].newer != Self.ring { remove(slots[Self.ring].newer) }
    }

    private mutating func remove(_ place: Int) {
        guard let answer = slots[place].answer else { return }
        unlink(place)
        places[answer.key] = nil
        bytes -= answer.size
        slots[place].answer = nil
        free.append(place)
    }

    private mutating func unlink(_ place: Int) {
        let (newer, older) = (slots[place].newer, slots[place].older)
        slots[newer].older = older
        slots[older].newer = newer
    }

    /// As the newest.
    private mutating func link(_ place: Int) {
        let newest = slots[Self.ring].older
        slots[place].newer = Self.ring
        slots[place].older = newest
        slots[newest].newer = place
        slots[Self.ring].older = place
    }
}
