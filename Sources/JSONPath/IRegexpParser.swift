/// An expression's structure.
indirect enum IRegexpTree {
    /// An end of the text.
    enum Edge: Sendable { case start, end }

    case edge(Edge)
    case scalars(ScalarClass)
    case sequence([IRegexpTree])
    case alternatives([IRegexpTree])
    case repeated(IRegexpTree, least: Int, most: Int?)
}

/// Reads the grammar of RFC 9485, section 4.
struct IRegexpParser {
    private var scalars: [Unicode.Scalar]
    private var position = 0
    private var nesting = 0

    init(_ text: UnsafeBufferPointer<UInt8>) {
        scalars = Array(String(decoding: text, as: UTF8.self).unicodeScalars)
    }

    /// Reads the whole text.
    mutating func parse() throws(IRegexpError) -> IRegexpTree {
        let tree = try alternatives()
        guard position == scalars.count else { throw .invalid }
        return tree
    }

    private var peek: Unicode.Scalar? {
        position < scalars.count ? scalars[position] : nil
    }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard peek == scalar else { return false }
        position += 1
        return true
    }

    private mutating func alternatives() throws(IRegexpError) -> IRegexpTree {
        guard nesting <= IRegexp.maximumNesting else { throw .tooLarge }
        nesting += 1
        defer { nesting -= 1 }
        var branches = [try branch()]
        while take("|") { branches.append(try branch()) }
        return branches.count == 1 ? branches[0] : .alternatives(branches)
    }

    private mutating func branch() throws(IRegexpError) -> IRegexpTree {
        var pieces: [IRegexpTree] = []
        while let scalar = peek, scalar != "|", scalar != ")" {
            pieces.append(try quantified(try atom()))
        }
        return .sequence(pieces)
    }

    private mutating func atom() throws(IRegexpError) -> IRegexpTree {
        guard let scalar = peek else { throw .invalid }
        switch scalar {
        case "(":
            position += 1
            let tree = try alternatives()
            guard take(")") else { throw .invalid }
            return tree
        case ".":
            position += 1
            return .scalars(.notLineBreak)
        case "[":
            return .scalars(try bracketed())
        case "\\":
            var scalars = ScalarClass()
            if let categories = try categoryEscape() {
                scalars.insert(categories: categories)
            } else {
                let scalar = try singleEscape()
                scalars.insert(scalar.value...scalar.value)
            }
            return .scalars(scalars)
        case "^", "$":
            position += 1
            return .alternatives([.scalars(ScalarClass(ranges: [scalar.value...scalar.value])), .edge(scalar == "^" ? .start : .end)])
        case "*", "+", "?", "]", "{", "}", ")", "|":
            throw .invalid
        default:
            position += 1
            return .scalars(ScalarClass(ranges: [scalar.value...scalar.value]))
        }
    }

    private mutating func quantified(_ tree: IRegexpTree) throws(IRegexpError) -> IRegexpTree {
        if take("*") { return .repeated(tree, least: 0, most: nil) }
        if take("+") { return .repeated(tree, least: 1, most: nil) }
        if take("?") { return .repeated(tree, least: 0, most: 1) }
        guard take("{") else { return tree }
        let least = try count()
        var most: Int? = least
        if take(",") { most = peek == "}" ? nil : try count() }
        guard take("}"), least <= most ?? least else { throw .invalid }
        return .repeated(tree, least: least, most: most)
    }

    /// A number of repetitions; those beyond any program's size are all as good as one another.
    private mutating func count() throws(IRegexpError) -> Int {
        var value = 0
        let start = position
        while let scalar = peek, ("0"..."9").contains(scalar) {
            value = min(value * 10 + Int(scalar.value - 0x30), IRegexp.maximumSize * 10)
            position += 1
        }
        guard position > start else { throw .invalid }
        return value
    }

    private mutating func bracketed() throws(IRegexpError) -> ScalarClass {
        position += 1
        var scalars = ScalarClass(isNegated: take("^"))
        var isEmpty = true
        if take("-") {
            scalars.insert(0x2D...0x2D)
            isEmpty = false
        }
        while let scalar = peek, scalar != "]" {
            if scalar == "-" {
                // A hyphen stands for itself at the end only.
                position += 1
                guard peek == "]" else { throw .invalid }
                scalars.insert(0x2D...0x2D)
                isEmpty = false
                break
            }
            isEmpty = false
            if scalar == "\\", let categories = try categoryEscape() {
                scalars.insert(categories: categories)
                continue
            }
            let first = try classScalar()
            guard peek == "-", position + 1 < self.scalars.count, self.scalars[position + 1] != "]" else {
                scalars.insert(first.value...first.value)
                continue
            }
            position += 1
            let last = try classScalar()
            guard first.value <= last.value else { throw .invalid }
            scalars.insert(first.value...last.value)
        }
        guard !isEmpty, take("]") else { throw .invalid }
        return scalars
    }

    private mutating func classScalar() throws(IRegexpError) -> Unicode.Scalar {
        guard let scalar = peek else { throw .invalid }
        if scalar == "\\" { return try singleEscape() }
        guard scalar != "[", scalar != "]", scalar != "-" else { throw .invalid }
        position += 1
        return scalar
    }

    private mutating func singleEscape() throws(IRegexpError) -> Unicode.Scalar {
        guard position + 1 < scalars.count else { throw .invalid }
        let scalar = scalars[position + 1]
        position += 2
        switch scalar {
        case "n": return "\n"
        case "r": return "\r"
        case "t": return "\t"
        case "("..."+", "-", ".", "?", "["..."^", "{"..."}": return scalar
        default: throw .invalid
        }
    }

    /// Reads `\p{…}` or `\P{…}` if that comes next.
    private mutating func categoryEscape() throws(IRegexpError) -> UInt32? {
        guard position + 2 < scalars.count, scalars[position + 1] == "p" || scalars[position + 1] == "P" else { return nil }
        let isComplement = scalars[position + 1] == "P"
        guard scalars[position + 2] == "{", let end = scalars[position...].prefix(6).firstIndex(of: "}") else { throw .invalid }
        let name = String(String.UnicodeScalarView(scalars[position + 3..<end]))
        guard let categories = Unicode.GeneralCategory.bits(named: name) else { throw .invalid }
        position = end + 1
        return isComplement ? ~categories : categories
    }
}
