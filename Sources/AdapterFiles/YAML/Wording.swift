/// `text` in single quotes for a message: on one line, and no longer than a line can take.
func quoted(_ text: String) -> String { "'\(shortened(text))'" }

/// `text` with control characters escaped and everything after its first characters left out.
func shortened(_ text: String, to limit: Int = 60) -> String {
    var result = ""
    var count = 0
    for scalar in text.unicodeScalars {
        guard count < limit else { return result + "…" }
        count += 1
        switch scalar {
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        default:
            switch scalar.properties.generalCategory {
            // Format characters include those that turn the direction of a terminal's text.
            case .control, .format, .lineSeparator, .paragraphSeparator:
                result += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: result.unicodeScalars.append(scalar)
            }
        }
    }
    return result
}

/// "a, b or c".
func alternatives(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}

/// The candidate that `word` was probably meant to be: the nearest one, if it is near enough that a slip explains the difference.
func nearest(to word: String, among candidates: [String]) -> String? {
    let letters = Array(word.unicodeScalars)
    guard letters.count <= 64 else { return nil }
    var best: (word: String, distance: Int)?
    for candidate in candidates {
        let others = Array(candidate.unicodeScalars)
        let tolerance = min(3, max(1, max(letters.count, others.count) / 3))
        guard abs(letters.count - others.count) <= tolerance, others.count > 1 else { continue }
        let distance = editDistance(letters, others)
        if distance <= tolerance, distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    return best?.word
}

/// Damerau-Levenshtein distance (optimal string alignment): insertions, deletions, substitutions and swaps of neighbours.
func editDistance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
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
