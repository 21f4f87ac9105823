import Crypto

/// What a caller's key is to the outside: `gwk_` and 32 random bytes in base64url (RFC 4648, section 5). Shown once, never stored.
package enum KeySecret {
    package static let prefix = "gwk_"
    /// 32 bytes are 43 digits.
    private static let digits = 43
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// A new one, from the system's random numbers.
    package static func make() -> Secret {
        var generator = SystemRandomNumberGenerator()
        // The last digit stands for four bits: its two low ones are zero.
        let text = (0..<digits).map { index in
            alphabet[index < digits - 1 ? Int.random(in: 0..<64, using: &generator) : Int.random(in: 0..<16, using: &generator) << 2]
        }
        return Secret(prefix + String(decoding: text, as: UTF8.self))
    }

    /// The key in a field's value, alone or behind a scheme such as `Bearer`; nil where there is none.
    package static func find(in value: some Collection<UInt8>) -> ArraySlice<UInt8>? {
        let words = value.split { $0 == UInt8(ascii: " ") }
        guard (1...2).contains(words.count), let last = words.last, last.starts(with: prefix.utf8) else { return nil }
        return ArraySlice(last)
    }
}

/// The SHA-256 of a key's whole text: all that is ever stored of it.
///
/// The 256 bits of a key are random, so that nothing is to be gained from a slow hash or a salt.
package struct KeyDigest: Sendable, Hashable {
    package let bytes: [UInt8]

    package init(of secret: some Collection<UInt8>) {
        var hash = SHA256()
        hash.update(data: Array(secret))
        bytes = Array(hash.finalize())
    }

    package init(of secret: Secret) {
        self.init(of: secret.reveal().utf8)
    }

    /// Reads what ``hexadecimal`` wrote; nil for anything else.
    package init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: 64, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        self.bytes = bytes
    }

    package var hexadecimal: String {
        bytes.map { byte in
            let digits = String(byte, radix: 16)
            return digits.utf8.count == 1 ? "0" + digits : digits
        }.joined()
    }

    /// Where a table of keys looks. It depends on the digest's beginning alone, which tells nothing about a key that is not known already.
    var slot: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

    /// Compares in a time that does not depend on where they differ.
    func isEqual(to other: KeyDigest) -> Bool {
        var difference: UInt8 = 0
        for index in bytes.indices { difference |= bytes[index] ^ other.bytes[index] }
        return difference == 0
    }
}
