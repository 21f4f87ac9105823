/// The environment that `${NAME}` in a file refers to.
package struct Environment: Sendable {
    /// What a variable that is not set means for the file that names it.
    package enum MissingVariables: Sendable {
        /// An error at the string that names it.
        case refused
        /// The string reads as if it were empty, and the name is collected: the file loads, and whoever needs the value is off.
        case collected
    }

    private let lookup: @Sendable (String) -> String?
    /// What a variable that is not set means.
    package let missing: MissingVariables

    package init(missing: MissingVariables = .refused, _ lookup: @escaping @Sendable (String) -> String?) {
        self.lookup = lookup
        self.missing = missing
    }

    /// An environment of fixed values.
    package init(_ values: [String: String], missing: MissingVariables = .refused) {
        self.init(missing: missing) { values[$0] }
    }

    /// A variable's value; nil when it is not set.
    package subscript(name: String) -> String? { lookup(name) }
}

/// A string from a file after environment variables were put in.
///
/// A string that names a variable is taken for a secret, because that is what variables are for: its description never shows it.
package struct InterpolatedString: Sendable, Hashable {
    /// The text with its variables' values.
    package var value: String
    /// Whether the text names a variable, be it set or not.
    package var isSecret: Bool
    /// The variables that are not set and have no fallback, in order of appearance.
    package var missing: [String]

    package init(value: String, isSecret: Bool = false, missing: [String] = []) {
        self.value = value
        self.isSecret = isSecret
        self.missing = missing
    }
}

extension InterpolatedString: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text, or `•••` for a secret.
    package var description: String { isSecret ? "•••" : value }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: ["value": description]) }
}

/// A `${` that is neither `${NAME}` nor `${NAME:-fallback}`.
package struct InterpolationError: Error, Hashable {
    /// What is wrong and what is allowed.
    package var message: String
}

extension InterpolatedString {
    /// Puts the environment's values into `text`. Values are taken as they are: what looks like `${NAME}` in one stays text.
    ///
    /// `${NAME}` is a variable's value, `${NAME:-fallback}` its value or, when it is unset or empty, the fallback, which runs to the
    /// next `}`. A `$` that no `{` follows is text.
    package init(_ text: String, from environment: Environment) throws(InterpolationError) {
        self.init(value: "")
        var rest = Substring(text)
        while let start = Self.opening(in: rest) {
            value += rest[..<start]
            isSecret = true
            let body = rest[start...].dropFirst(2)
            guard let end = body.firstIndex(of: "}") else { throw InterpolationError(message: "'${' is not closed; \(Self.allowed)") }
            value += try replacement(for: body[..<end], from: environment)
            rest = body[end...].dropFirst()
        }
        value += rest
    }

    private static let allowed = "write ${NAME} or ${NAME:-fallback}"

    private static func opening(in text: Substring) -> Substring.Index? {
        text.indices.first { text[$0] == "$" && text[$0...].dropFirst().first == "{" }
    }

    private mutating func replacement(for body: Substring, from environment: Environment) throws(InterpolationError) -> Substring {
        let name = body.prefix { $0 == "_" || $0.isASCII && ($0.isLetter || $0.isNumber) }
        let rest = body[name.endIndex...]
        guard let first = name.first, !first.isNumber, rest.isEmpty || rest.hasPrefix(":-") else {
            let problem = body.isEmpty ? "'${}' names no variable" : "\(quoted("${\(body)}")) names no variable"
            throw InterpolationError(message: "\(problem); \(Self.allowed), a name being letters, digits and '_', no digit first")
        }
        let found = environment[String(name)]
        guard rest.isEmpty else {
            let fallback = rest.dropFirst(2)
            guard !fallback.contains("${") else { throw InterpolationError(message: "a fallback cannot contain '${'; \(Self.allowed)") }
            return found.flatMap { $0.isEmpty ? nil : Substring($0) } ?? fallback
        }
        if found == nil, !missing.contains(String(name)) { missing.append(String(name)) }
        return Substring(found ?? "")
    }
}
