extension Pieces {
    /// Behind the piece at `start`:
    ///
    ///     '(?i:[sdmt]|ll|ve|re)
    ///     |[^\r\n\p{L}\p{N}]?+\p{L}++
    ///     |\p{N}{1,3}+
    ///     | ?[^\s\p{L}\p{N}]++[\r\n]*+
    ///     |\s++$|\s*[\r\n]|\s+(?!\S)|\s
    mutating func endOfCL100k(_ start: Int) -> Int {
        if let end = contraction(start) { return end }
        let (first, length) = scalar(start)
        if first == .number { return numbers(from: start, firstLength: length) }
        let isLetter = !ScalarClass.letter.isDisjoint(with: first)
        if isLetter { return run(of: .letter, from: start + length) }
        if first != .newline {
            let end = run(of: .letter, from: start + length)
            if end > start + length { return end }
        }
        if var end = symbols(from: start, first: first, firstLength: length) {
            while end < count, text[end] == UInt8(ascii: "\r") || text[end] == UInt8(ascii: "\n") { end += 1 }
            return end
        }
        let space = whitespace(from: start)
        if space.end == count { return count }
        return space.lines ?? space.withoutLast(of: count, from: start)
    }
}
