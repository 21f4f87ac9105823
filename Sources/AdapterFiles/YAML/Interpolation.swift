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
        // Bytes, not Characters: a combining mark after '{' or '}' must not hide it.
        var rest = Substring(text).utf8
        var references = 0
        while let start = Self.opening(in: rest) {
            references += 1
            guard references <= Self.maximumReferences else {
                throw InterpolationError(message: "a string may name at most \(Self.maximumReferences) variables")
            }
            value += Substring(rest[..<start])
            isSecret = true
            let body = rest[start...].dropFirst(2)
            guard let end = body.firstIndex(of: UInt8(ascii: "}")) else {
                throw InterpolationError(message: "'${' is not closed; \(Self.allowed)")
            }
            value += try replacement(for: body[..<end], from: environment)
            rest = body[end...].dropFirst()
        }
        value += Substring(rest)
    }

    /// More variables than this in one string are a mistake; the bound also keeps hostile files cheap.
    private static let maximumReferences = 100
    private static let allowed = "write ${NAME} or ${NAME:-fallback}"

    private static func opening(in text: Substring.UTF8View) -> Substring.Index? {
        zip(text.indices, zip(text, text.dropFirst())).first { $1 == (UInt8(ascii: "$"), UInt8(ascii: "{")) }?.0
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isNamePart(_ byte: UInt8) -> Bool {
        isDigit(byte) || byte == UInt8(ascii: "_") || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }

    private mutating func replacement(for body: Substring.UTF8View, from environment: Environment) throws(InterpolationError) -> String {
        let name = body.prefix(while: Self.isNamePart)
        let rest = body[name.endIndex...]
        guard let first = name.first, !Self.isDigit(first), rest.isEmpty || rest.starts(with: ":-".utf8) else {
            let written = quoted("${\(Substring(body))}")
            throw InterpolationError(
                message: "\(written) names no variable; \(Self.allowed), a name being letters, digits and '_', no digit first")
        }
        let variable = String(Substring(name))
        let found = environment[variable]
        guard rest.isEmpty else {
            let fallback = Substring(rest.dropFirst(2))
            guard Self.opening(in: fallback.utf8) == nil else {
                throw InterpolationError(message: "a fallback cannot contain '${'; \(Self.allowed)")
            }
            if let found, !found.isEmpty { return found }
            return String(fallback)
        }
        if found == nil, !missing.contains(variable) { missing.append(variable) }
        return found ?? ""
    }
}
