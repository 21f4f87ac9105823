/// Unicode's general categories as sets of bits, and the names that RFC 9485 gives them.
extension Unicode.GeneralCategory {
    /// The bits of the category or group of categories with a name such as `Lu` or `L`; nil for names that RFC 9485 does not know.
    static func bits(named name: String) -> UInt32? {
        guard let group = groups[name.prefix(1)] else { return nil }
        if name.unicodeScalars.count == 1 { return group.reduce(0) { $0 | $1.category.bit } }
        return group.first { $0.name == name }?.category.bit
    }

    /// A different bit for each category.
    var bit: UInt32 {
        switch self {
        case .uppercaseLetter: 1 << 0
        case .lowercaseLetter: 1 << 1
        case .titlecaseLetter: 1 << 2
        case .modifierLetter: 1 << 3
        case .otherLetter: 1 << 4
        case .nonspacingMark: 1 << 5
        case .spacingMark: 1 << 6
        case .enclosingMark: 1 << 7
        case .decimalNumber: 1 << 8
        case .letterNumber: 1 << 9
        case .otherNumber: 1 << 10
        case .connectorPunctuation: 1 << 11
        case .dashPunctuation: 1 << 12
        case .openPunctuation: 1 << 13
        case .closePunctuation: 1 << 14
        case .initialPunctuation: 1 << 15
        case .finalPunctuation: 1 << 16
        case .otherPunctuation: 1 << 17
        case .mathSymbol: 1 << 18
        case .currencySymbol: 1 << 19
        case .modifierSymbol: 1 << 20
        case .otherSymbol: 1 << 21
        case .spaceSeparator: 1 << 22
        case .lineSeparator: 1 << 23
        case .paragraphSeparator: 1 << 24
        case .control: 1 << 25
        case .format: 1 << 26
        case .surrogate: 1 << 27
        case .privateUse: 1 << 28
        case .unassigned: 1 << 29
        @unknown default: 1 << 30
        }
    }

    private static let groups: [Substring: [(name: String, category: Unicode.GeneralCategory)]] = [
        "L": [
            ("Lu", .uppercaseLetter), ("Ll", .lowercaseLetter), ("Lt", .titlecaseLetter), ("Lm", .modifierLetter), ("Lo", .otherLetter),
        ],
        "M": [("Mn", .nonspacingMark), ("Mc", .spacingMark), ("Me", .enclosingMark)],
        "N": [("Nd", .decimalNumber), ("Nl", .letterNumber), ("No", .otherNumber)],
        "P": [
            ("Pc", .connectorPunctuation), ("Pd", .dashPunctuation), ("Ps", .openPunctuation), ("Pe", .closePunctuation),
            ("Pi", .initialPunctuation), ("Pf", .finalPunctuation), ("Po", .otherPunctuation),
        ],
        "S": [("Sm", .mathSymbol), ("Sc", .currencySymbol), ("Sk", .modifierSymbol), ("So", .otherSymbol)],
        "Z": [("Zs", .spaceSeparator), ("Zl", .lineSeparator), ("Zp", .paragraphSeparator)],
        "C": [("Cc", .control), ("Cf", .format), ("Co", .privateUse), ("Cn", .unassigned)],
    ]
}
