internal import GatewayCore

/// Finds prices that change by more in one reload than `reload.max_price_change` allows: a slipped decimal point is caught before it charges anybody.
struct PriceComparison {
    let previous: Generation
    /// Up or down; a price that becomes 0, or was, has changed beyond any factor.
    let factor: Exact

    /// Reports every such price at its place, unless its row or entry says that it is meant.
    func report(_ adapters: [AdapterFile], ownRows: [String: [PricedRow]], to diagnostics: Diagnostics, configurationFile: String) {
        for file in adapters {
            guard let provider = file.provider, let before = previous.adapters[provider]?.prices else { continue }
            for entry in file.prices {
                report(entry.rows, from: entry.entry.effective, before, file.file, diagnostics)
                report(ownRows[provider] ?? [], from: entry.entry.effective, before, configurationFile, diagnostics)
            }
        }
    }

    private func report(
        _ rows: [PricedRow], from effective: Timestamp, _ before: PriceTable, _ file: String, _ diagnostics: Diagnostics
    ) {
        for row in rows where !row.isConfirmed {
            for (unit, rate) in row.row.rates {
                guard let old = Self.rate(of: unit, as: row.row, from: effective, in: before), isTooFar(old.value, rate.value) else {
                    continue
                }
                diagnostics.report(
                    Diagnostic(
                        file: file, mark: row.unitMarks[unit] ?? row.mark,
                        message:
                            "the price of '\(unit)' goes from \(old.text) to \(rate.text) in one reload, and max_price_change is \(factor); "
                            + "if that is right, write '\(PriceDecoder.confirmation): true' in the row"))
            }
        }
    }

    /// What was charged on that day under the same conditions. A deployment's own price that is new stands against the adapter's.
    private static func rate(of unit: String, as row: PriceRow, from effective: Timestamp, in table: PriceTable) -> Rate? {
        guard let entry = table.entry(at: effective) ?? table.entries.last else { return nil }
        func rate(isOverride: Bool) -> Rate? {
            entry.rows.first { $0.isOverride == isOverride && $0.conditions == row.conditions && $0.rates[unit] != nil }?.rates[unit]
        }
        return rate(isOverride: row.isOverride) ?? (row.isOverride ? rate(isOverride: false) : nil)
    }

    private func isTooFar(_ old: Exact, _ new: Exact) -> Bool {
        guard old != new else { return false }
        // What cannot be computed is as far as can be.
        guard let highest = try? old * factor, let highestOld = try? new * factor else { return true }
        return highest.isLess(than: new) || highestOld.isLess(than: old)
    }
}
