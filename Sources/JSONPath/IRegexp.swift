/// Why a text is not usable as a regular expression.
enum IRegexpError: Error {
    /// Not in the grammar of RFC 9485.
    case invalid
    /// More instructions than `IRegexp.maximumSize` when repetitions are written out, or nested deeper than `IRegexp.maximumNesting`.
    case tooLarge
}

/// A regular expression by RFC 9485 (I-Regexp), as a small program that is run in all its states at once (Thompson's construction): the time is bounded
/// by the length of the text times the size of the program, whatever the expression.
///
/// `^` and `$` outside brackets are characters like any other to RFC 9485, and the ends of the text to RFC 9535's compliance suite, as to most
/// implementations. Here they match either.
struct IRegexp: Sendable {
    static let maximumSize = 10_000
    static let maximumNesting = 64

    enum Instruction: Sendable {
        /// Consumes one scalar of the class and goes on to the next instruction.
        case consume(ScalarClass)
        /// Goes on at both.
        case split(Int, Int)
        case jump(Int)
        /// Goes on to the next instruction at the start or the end of the text only.
        case require(IRegexpTree.Edge)
        case accept
    }

    let program: [Instruction]

    /// Compiles an expression given as UTF-8.
    init(_ text: UnsafeBufferPointer<UInt8>) throws(IRegexpError) {
        var parser = IRegexpParser(text)
        let tree = try parser.parse()
        var compiler = IRegexpCompiler()
        try compiler.compile(tree)
        program = compiler.program + [.accept]
    }

    /// Whether the expression matches the whole of a text in UTF-8, or some part of it.
    ///
    /// - Parameter charge: Called now and then with the steps taken since; may throw to end it.
    func matches<Failure: Error>(
        _ text: UnsafeBufferPointer<UInt8>, whole: Bool, charge: (Int) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        var current = IRegexpStates(program.count)
        var following = IRegexpStates(program.count)
        var position = 0
        var work = 0
        current.add(0, program, isStart: true, isEnd: text.isEmpty)
        while true {
            if current.accepts, !whole || position == text.count { return true }
            if position >= text.count { return false }
            if whole, current.waiting.isEmpty { return false }
            let scalar = decode(text, &position)
            work += 1 + current.waiting.count
            if work >= 64 {
                try charge(work / 4)
                work = 0
            }
            following.removeAll()
            for state in current.waiting {
                if case .consume(let scalars) = program[state], scalars.contains(scalar) {
                    following.add(state + 1, program, isStart: false, isEnd: position == text.count)
                }
            }
            if !whole { following.add(0, program, isStart: false, isEnd: position == text.count) }
            swap(&current, &following)
        }
    }

    /// Reads one scalar of valid UTF-8.
    @inline(__always)
    private func decode(_ text: UnsafeBufferPointer<UInt8>, _ position: inout Int) -> Unicode.Scalar {
        let lead = text[position]
        position += 1
        if lead < 0x80 { return Unicode.Scalar(lead) }
        var value: UInt32 = lead < 0xE0 ? UInt32(lead & 0x1F) : lead < 0xF0 ? UInt32(lead & 0x0F) : UInt32(lead & 0x07)
        while position < text.count, text[position] & 0xC0 == 0x80 {
            value = value << 6 | UInt32(text[position] & 0x3F)
            position += 1
        }
        return Unicode.Scalar(value) ?? "\u{FFFD}"
    }
}

/// The set of states a run is in: those that wait for a scalar, in no order that matters.
private struct IRegexpStates {
    private(set) var waiting: [Int] = []
    private(set) var accepts = false
    private var seen: [UInt32]
    private var generation: UInt32 = 1
    private var pending: [Int] = []

    init(_ count: Int) {
        seen = Array(repeating: 0, count: count)
    }

    mutating func removeAll() {
        waiting.removeAll(keepingCapacity: true)
        accepts = false
        // No text is long enough to wrap it: one generation a scalar.
        generation += 1
    }

    /// Adds a state and all that it reaches without consuming.
    mutating func add(_ start: Int, _ program: [IRegexp.Instruction], isStart: Bool, isEnd: Bool) {
        pending.append(start)
        while let state = pending.popLast() {
            guard seen[state] != generation else { continue }
            seen[state] = generation
            switch program[state] {
            case .consume: waiting.append(state)
            case .accept: accepts = true
            case .jump(let target): pending.append(target)
            case .require(.start): if isStart { pending.append(state + 1) }
            case .require(.end): if isEnd { pending.append(state + 1) }
            case .split(let first, let second):
                pending.append(second)
                pending.append(first)
            }
        }
    }
}
