/// A set of Unicode scalar values: ranges, general categories, or all but those.
struct ScalarClass: Sendable {
    private(set) var ranges: [ClosedRange<UInt32>] = []
    private(set) var categories: UInt32 = 0
    private(set) var isNegated = false

    /// `.`: any scalar but line feed and carriage return.
    static let notLineBreak = ScalarClass(ranges: [0x0A...0x0A, 0x0D...0x0D], isNegated: true)

    init(ranges: [ClosedRange<UInt32>] = [], categories: UInt32 = 0, isNegated: Bool = false) {
        self.ranges = ranges
        self.categories = categories
        self.isNegated = isNegated
    }

    mutating func insert(_ range: ClosedRange<UInt32>) { ranges.append(range) }
    mutating func insert(categories more: UInt32) { categories |= more }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        for range in ranges where range.contains(scalar.value) { return !isNegated }
        if categories != 0, categories & scalar.properties.generalCategory.bit != 0 { return !isNegated }
        return isNegated
    }
}
