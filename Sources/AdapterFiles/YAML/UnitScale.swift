/// A quantity written as a whole number and a unit without a space between them: `30s`, `10MiB`.
struct UnitScale {
    /// What messages call such a quantity, with examples.
    let noun: String
    /// The units and their factors, the smallest first; the first factor is 1.
    let units: [(name: String, factor: Int64)]

    /// Durations in milliseconds.
    static let duration = UnitScale(
        noun: "a duration such as 500ms, 30s, 10m, 2h or 7d",
        units: [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)])

    /// Sizes in bytes.
    static let byteSize = UnitScale(
        noun: "a size such as 512B, 32KiB, 10MiB or 1GiB",
        units: [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)])

    enum Problem: Error, Hashable {
        /// No whole number with something after it.
        case malformed
        case unknownUnit(String)
        case overflow
    }

    /// The quantity in the smallest unit.
    func parse(_ text: String) throws(Problem) -> Int64 {
        let digits = text.utf8.prefix { (0x30...0x39).contains($0) }
        let unit = String(text[digits.endIndex...])
        guard !digits.isEmpty, !unit.isEmpty, unit.utf8.allSatisfy({ (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) }) else {
            throw .malformed
        }
        guard let factor = units.first(where: { $0.name == unit })?.factor else { throw .unknownUnit(unit) }
        guard let number = Int64(Substring(digits)) else { throw .overflow }
        let (product, overflow) = number.multipliedReportingOverflow(by: factor)
        if overflow { throw .overflow }
        return product
    }

    /// The quantity as it would be written, in the largest unit that divides it.
    func text(_ quantity: Int64) -> String {
        let unit = units.last { quantity.isMultiple(of: $0.factor) && quantity != 0 } ?? units.dropFirst().first
        guard let unit else { return String(quantity) }
        return String(quantity / unit.factor) + unit.name
    }
}
