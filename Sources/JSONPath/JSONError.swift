/// Why bytes are not a JSON text, and where.
///
/// Safe to show to anyone: it names a position and a rule, and never quotes the text, which may be secret.
package struct JSONError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The rule that was broken.
    package enum Reason: Hashable, Sendable {
        /// More bytes than `JSONDocument.maximumByteCount`.
        case tooLarge
        /// The text ends inside a value, or holds none.
        case unexpectedEnd
        /// A value was expected: an object, array, string, number, `true`, `false` or `null`.
        case expectedValue
        /// A member name (a string) was expected.
        case expectedName
        /// A colon was expected after a member name.
        case expectedColon
        /// A comma or the bracket that closes the array was expected.
        case expectedCommaOrBracket
        /// A comma or the brace that closes the object was expected.
        case expectedCommaOrBrace
        /// A number that RFC 8259's grammar does not allow.
        case invalidNumber
        /// A control character inside a string that is not escaped.
        case controlCharacter
        /// An escape that RFC 8259 does not know.
        case invalidEscape
        /// An escaped UTF-16 surrogate without its other half.
        case loneSurrogate
        /// Bytes inside a string that are not UTF-8.
        case invalidUTF8
        /// Something other than white space after the value.
        case trailingBytes
    }

    /// The byte offset at which the rule was broken, from 0.
    package let offset: Int
    /// The rule that was broken.
    package let reason: Reason

    /// One line of English with the byte offset.
    package var description: String {
        "not JSON: \(reason.text) at byte \(offset)"
    }
}

extension JSONError.Reason {
    fileprivate var text: String {
        switch self {
        case .tooLarge: "more than \(JSONDocument.maximumByteCount) bytes"
        case .unexpectedEnd: "the text ends too early"
        case .expectedValue: "expected a value"
        case .expectedName: "expected a member name"
        case .expectedColon: "expected a colon"
        case .expectedCommaOrBracket: "expected a comma or the end of the array"
        case .expectedCommaOrBrace: "expected a comma or the end of the object"
        case .invalidNumber: "malformed number"
        case .controlCharacter: "unescaped control character in a string"
        case .invalidEscape: "malformed escape in a string"
        case .loneSurrogate: "lone surrogate in an escape"
        case .invalidUTF8: "malformed UTF-8"
        case .trailingBytes: "expected nothing more"
        }
    }
}
