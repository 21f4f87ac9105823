/// Counts the tokens of a text before the provider does.
package protocol TokenCounter: Sendable {
    /// Never below 0.
    func count(_ text: String) -> Int
}

/// A quarter of the UTF-8 bytes, rounded up: what a token comes to in English text.
package struct ByteTokenCounter: TokenCounter {
    package init() {}

    package func count(_ text: String) -> Int {
        (text.utf8.count + 3) / 4
    }
}
