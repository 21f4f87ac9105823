/// What a word that is not known was probably meant to be.
package enum Spelling {
    /// The candidate that `word` was probably meant to be: the nearest one, if it is near enough that a slip explains the difference.
    package static func nearest(to word: String, among candidates: [String]) -> String? {
        let letters = Array(word.unicodeScalars)
        guard letters.count <= 64 else { return nil }
        var best: (word: String, distance: Int)?
        for candidate in candidates {
            let others = Array(candidate.unicodeScalars)
            let tolerance = min(3, max(1, max(letters.count, others.count) / 3))
            guard abs(letters.count - others.count) <= tolerance, others.count > 1 else { continue }
            let distance = Self.distance(letters, others)
            if distance <= tolerance, distance < best?.distance ?? .max { best = (candidate, distance) }
        }
        return best?.word
    }

    /// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of neighbours.
    package static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforePrevious: [Int] = []
        var previous = Array(0...right.count)
        for i in left.indices {
            var row = [i + 1]
            row.reserveCapacity(right.count + 1)
            for j in right.indices {
                var distance = min(row[j] + 1, previous[j + 1] + 1, previous[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    distance = min(distance, beforePrevious[j - 1] + 1)
                }
                row.append(distance)
            }
            beforePrevious = previous
            previous = row
        }
        return previous[right.count]
    }
}
