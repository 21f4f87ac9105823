extension Pieces {
    /// Behind the piece at `start`:
    ///
    ///     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    ///     |[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?
    ///     |\p{N}{1,3}
    ///     | ?[^\s\p{L}\p{N}]+[\r\n/]*
    ///     |\s*[\r\n]+|\s+(?!\S)|\s+
    mutating func endOfO200k(_ start: Int) -> Int {
        let (first, length) = scalar(start)
        if first == .number { return numbers(from: start, firstLength: length) }
        if first != .newline {
            // A character that is no letter may stand before the word. A mark may be that, or be of the word itself.
            let isLetter = !ScalarClass.letter.isDisjoint(with: first)
            if let end = word(from: isLetter ? start : start + length, afterMark: first == .mark) { return contraction(end) ?? end }
        }
        if var end = symbols(from: start, first: first, firstLength: length) {
            while end < count, text[end] == UInt8(ascii: "\r") || text[end] == UInt8(ascii: "\n") || text[end] == UInt8(ascii: "/") {
                end += 1
            }
            return end
        }
        let space = whitespace(from: start)
        return space.lines ?? space.withoutLast(of: count, from: start)
    }

    /// Behind the word at `start`; nil when there is none. `afterMark`: the character before it is a mark, which is a word where nothing else is.
    @inline(__always)
    private mutating func word(from start: Int, afterMark: Bool) -> Int? {
        // [capital caseless mark]*[small caseless mark]+, as far as it goes. What both parts take is the first's, unless nothing would be
        // left for the second: then the first gives back all behind the last of them.
        var at = start
        var behindShared: Int?
        while at < count {
            let (found, length) = scalar(at)
            if found == .small {
                scanned += at - start + 1
                return run(of: [.small, .caseless, .mark], from: at + length)
            }
            guard !found.isDisjoint(with: [.capital, .caseless, .mark]) else { break }
            at += length
            if found != .capital { behindShared = at }
        }
        scanned += at - start + 1
        if let behindShared { return behindShared }
        if afterMark { return start }
        // Capitals alone.
        return at > start ? at : nil
    }
}
