package import JSONPath

/// Budgets as the admin plane takes them and the database keeps them: JSON with config.yaml's words.
extension Budget {
    /// Reads a budget. What it leaves out is the standard's.
    package init(_ json: JSONNode, inheriting standard: Budget) throws(BudgetTextError) {
        self = standard
        let known = ["daily", "monthly", "timezone", "enforcement", "providers", "users"]
        for (name, value) in try json.members(of: "a budget", known) {
            switch name {
            case "timezone":
                guard let zone = value.string, isValidZone(zone) else { throw BudgetTextError("timezone is no IANA time zone's name") }
                timeZone = zone
            case "enforcement":
                guard let word = value.string.flatMap(Enforcement.init(rawValue:)) else {
                    throw BudgetTextError("enforcement is enforce, shadow or off")
                }
                enforcement = word
            case "providers":
                for (provider, limits) in try value.members(of: name) {
                    providers[provider] = try WindowLimits(limits, inheriting: standard.providers[provider] ?? WindowLimits())
                }
            case "users":
                var users = standard.users ?? UserLimits()
                let named = try value.members(of: name)
                for (_, limits) in named.filter({ $0.name == "default" }) {
                    users.standard = try WindowLimits(limits, inheriting: standard.users?.standard ?? WindowLimits())
                }
                for (user, limits) in named where user != "default" {
                    users.named[user] = try WindowLimits(limits, inheriting: users.named[user] ?? users.standard ?? WindowLimits())
                }
                self.users = users
            default:
                try workspace.read(name, value)
            }
        }
    }
}

extension Budget {
    /// The whole budget in the words that are read above.
    package var json: JSONValue {
        func object<Value>(_ values: [String: Value], _ json: (Value) -> JSONValue) -> JSONValue {
            .object(values.sorted { $0.key < $1.key }.map { .init($0.key, json($0.value)) })
        }
        var members =
            workspace.members + [
                .init("timezone", .string(timeZone)), .init("enforcement", .string(enforcement.rawValue)),
            ]
        if !providers.isEmpty { members.append(.init("providers", object(providers) { .object($0.members) })) }
        if let users {
            var limits = users.named
            limits["default"] = users.standard
            members.append(.init("users", object(limits) { .object($0.members) }))
        }
        return .object(members)
    }
}

extension WindowLimits {
    fileprivate var members: [JSONValue.Member] {
        [("daily", daily), ("monthly", monthly)].compactMap { name, limit in
            limit.map { JSONValue.Member(name, .string($0.description)) }
        }
    }

    fileprivate init(_ json: JSONNode, inheriting standard: WindowLimits) throws(BudgetTextError) {
        self = standard
        for (name, value) in try json.members(of: "limits", ["daily", "monthly"]) { try read(name, value) }
    }

    fileprivate mutating func read(_ name: String, _ value: JSONNode) throws(BudgetTextError) {
        // An amount is text or a number; either way its digits count.
        guard let amount = (value.string ?? value.number?.text).flatMap({ Money($0) }), amount >= .zero else {
            throw BudgetTextError("\(name) is no amount in US dollars, such as 50.00")
        }
        if name == "daily" { daily = amount } else { monthly = amount }
    }
}

extension JSONNode {
    fileprivate func members(
        of what: String, _ known: [String]? = nil
    ) throws(BudgetTextError) -> [(name: String, value: JSONNode)] {
        guard kind == .object else { throw BudgetTextError("\(what) is an object") }
        if let known, let other = members.first(where: { !known.contains($0.name) }) {
            throw BudgetTextError("unknown member '\(other.name)'; known: \(known.joined(separator: ", "))")
        }
        return members
    }
}

/// Why a text is no budget.
package struct BudgetTextError: Error, Sendable, CustomStringConvertible {
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// The budgets that a database has, as texts; they count where config.yaml does not name the workspace.
package struct StoredBudgets: Sendable, Hashable {
    /// Grows with each change.
    package var version: Int64
    package var texts: [String: String]

    package init(version: Int64 = 0, texts: [String: String] = [:]) {
        self.version = version
        self.texts = texts
    }

    /// Reads one. What it leaves out is the standard's.
    package static func budget(_ text: String, inheriting standard: Budget) throws(BudgetTextError) -> Budget {
        guard let document = try? JSONDocument(parsing: Array(text.utf8)) else { throw BudgetTextError("it is not JSON") }
        return try Budget(document.root, inheriting: standard)
    }

    /// A file's budgets and, of workspaces that the file does not name, these. `problem` is told of those that cannot be read, and do not count.
    package func added(to book: BudgetBook, problem: (_ workspace: String, BudgetTextError) -> Void = { _, _ in }) -> BudgetBook {
        var book = book
        for (workspace, text) in texts where book.workspaces[workspace] == nil {
            do throws(BudgetTextError) {
                book.workspaces[workspace] = try Self.budget(text, inheriting: book.standard)
            } catch {
                problem(workspace, error)
            }
        }
        return book
    }
}
