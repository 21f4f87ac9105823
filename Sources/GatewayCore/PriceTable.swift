/// Everything a provider has charged, is charging and will charge.
package struct PriceTable: Sendable {
    /// Newest first.
    package var entries: [PriceEntry]

    package init(entries: [PriceEntry]) {
        self.entries = entries.sorted { $0.effective > $1.effective }
    }

    /// The newest entry that is not in the future.
    package func entry(at instant: Timestamp) -> PriceEntry? {
        entries.first { $0.effective <= instant }
    }
}

/// The prices from one day on.
package struct PriceEntry: Sendable {
    package var effective: Timestamp
    /// Where the prices are published.
    package var source: String
    /// The day on which somebody looked there, midnight UTC.
    package var checked: Timestamp
    /// The adapter's rows, with this deployment's own in place of or before them.
    package var rows: [PriceRow]
    /// `effective` date, `+`, first 8 hex digits of the SHA-256 of `canonical`.
    package var version: String
    /// The entry as canonical JSON.
    package var canonical: String

    package init(effective: Timestamp, source: String, checked: Timestamp, rows: [PriceRow], version: String, canonical: String) {
        self.effective = effective
        self.source = source
        self.checked = checked
        self.rows = rows
        self.version = version
        self.canonical = canonical
    }
}

/// One row: conditions on dimensions, and the rates of the units that it names.
package struct PriceRow: Sendable, Hashable {
    package enum Condition: Sendable, Hashable {
        case exactly(String)
        /// A trailing `*`.
        case prefix(String)
    }

    package var conditions: [String: Condition]
    package var rates: [String: Rate]
    /// This deployment's own prices stand above the adapter's whatever their conditions.
    package var isOverride: Bool

    package init(conditions: [String: Condition] = [:], rates: [String: Rate], isOverride: Bool = false) {
        self.conditions = conditions
        self.rates = rates
        self.isOverride = isOverride
    }
}

/// US dollars for one unit, exact.
package struct Rate: Sendable, Hashable {
    package var value: Exact
    /// As the adapter wrote it: `0.25 / 1M`.
    package var text: String

    package init(value: Exact, text: String) {
        self.value = value
        self.text = text
    }
}
