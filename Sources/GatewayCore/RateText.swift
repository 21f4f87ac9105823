extension Rate {
    /// Reads a price: `0.10`, or `amount / quantity` as in `0.25 / 1M` and `5.00 / 1k`. Nil for anything else, a negative price included.
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let amount = Self.decimal(parts[0], suffixes: false) else { return nil }
        guard parts.count == 2 else {
            self.init(value: amount, text: text)
            return
        }
        guard let quantity = Self.decimal(parts[1], suffixes: true), !quantity.isZero, let value = try? amount / quantity else {
            return nil
        }
        self.init(value: value, text: text)
    }

    /// A decimal that is not negative, with `k` or `M` behind it where those are allowed.
    private static func decimal(_ text: Substring, suffixes: Bool) -> Exact? {
        var bytes = text.utf8[...]
        while bytes.first == 0x20 { bytes = bytes.dropFirst() }
        while bytes.last == 0x20 { bytes = bytes.dropLast() }
        var factor = Exact.one
        if suffixes, bytes.last == UInt8(ascii: "k") || bytes.last == UInt8(ascii: "M") {
            factor = bytes.last == UInt8(ascii: "k") ? Exact(1_000) : Exact(1_000_000)
            bytes = bytes.dropLast()
        }
        guard bytes.allSatisfy({ (0x30...0x39).contains($0) || $0 == UInt8(ascii: ".") }) else { return nil }
        guard let number = try? Exact(decimalBytes: bytes) else { return nil }
        return try? number * factor
    }
}
