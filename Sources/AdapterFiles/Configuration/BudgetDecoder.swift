internal import Foundation
internal import GatewayCore

/// Reads `budgets`. What a workspace leaves out, at any depth, is the default's.
struct BudgetDecoder {
    let document: DocumentReader
    /// Every provider that a budget names.
    private(set) var providers: [KeyReader] = []

    init(document: DocumentReader) {
        self.document = document
    }

    mutating func book(_ value: ValueReader?) -> BudgetBook {
        var book = BudgetBook()
        value?.mapping { map in
            if let standard = map.optional("default") { book.standard = budget(standard, inheriting: book.standard) }
            let named = map.optional("workspaces")?.entries { key, value in
                isCallerID(key, "workspace") ? (key.text, budget(value, inheriting: book.standard)) : nil
            }
            book.workspaces = Dictionary(named ?? []) { first, _ in first }
        }
        return book
    }

    private mutating func budget(_ value: ValueReader, inheriting standard: Budget) -> Budget {
        var budget = standard
        value.mapping { map in
            budget.workspace = limits(map, inheriting: standard.workspace)
            if let zone = map.optional("timezone").flatMap(Self.zone) { budget.timeZone = zone }
            if let word = map.optional("enforcement")?.word(Budget.Enforcement.self) { budget.enforcement = word }
            let providers = map.optional("providers")?.entries { key, value in
                self.providers.append(key)
                return value.mapping { (key.text, limits($0, inheriting: standard.providers[key.text] ?? WindowLimits())) }
            }
            for (name, limits) in providers ?? [] { budget.providers[name] = limits }
            if let users = map.optional("users") { budget.users = self.users(users, inheriting: standard.users ?? Budget.UserLimits()) }
        }
        return budget
    }

    private func users(_ value: ValueReader, inheriting standard: Budget.UserLimits) -> Budget.UserLimits {
        var users = standard
        var named: [(String, ValueReader)] = []
        _ = value.entries { key, value -> Void? in
            if key.text == "default" {
                value.mapping { users.standard = limits($0, inheriting: standard.standard ?? WindowLimits()) }
            } else if isCallerID(key, "user") {
                named.append((key.text, value))
            }
        }
        // After the default, wherever that stands, because it fills what they leave out.
        for (name, value) in named {
            let inherited = standard.named[name] ?? users.standard ?? WindowLimits()
            value.mapping { users.named[name] = limits($0, inheriting: inherited) }
        }
        return users
    }

    private func limits(_ map: MappingReader, inheriting standard: WindowLimits) -> WindowLimits {
        WindowLimits(
            daily: map.optional("daily").flatMap(Amount.money) ?? standard.daily,
            monthly: map.optional("monthly").flatMap(Amount.money) ?? standard.monthly)
    }

    private func isCallerID(_ key: KeyReader, _ what: String) -> Bool {
        if Names.isCallerID(key.text) { return true }
        key.fail("\(quoted(key.text)) is no \(what)'s id: 1 to 128 printable ASCII characters")
        return false
    }

    private static func zone(_ value: ValueReader) -> String? {
        guard let name = value.string() else { return nil }
        if isValidZone(name) { return name }
        let known = TimeZone.knownTimeZoneIdentifiers
        let meant =
            known.first { $0.lowercased() == name.lowercased() } ?? nearest(to: name, among: known)
            ?? known.first { $0.hasSuffix("/\(name.replacingOccurrences(of: " ", with: "_"))") }
        let advice = meant.map { "did you mean '\($0)'?" } ?? "an IANA name such as UTC or America/New_York is expected"
        value.fail("unknown time zone \(quoted(value.written)); \(advice)")
        return nil
    }
}
