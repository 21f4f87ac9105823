/// How a provider divides text into tokens.
package enum Tokenizer: String, CaseIterable, Sendable {
    case cl100k = "cl100k_base"
    case o200k = "o200k_base"
    /// A quarter of the UTF-8 bytes, rounded up: what a token comes to in English text, where the provider's own tokenizer is not public.
    case bytes = "bytes/4"

    /// How many tokens a text in UTF-8 has. What is not UTF-8 counts as ``BytePairEncoding/count(_:)`` says.
    package func count(_ text: Span<UInt8>) -> Int {
        encoding?.count(text) ?? (text.count + 3) / 4
    }

    /// Reads the vocabulary, which is otherwise done by the first count.
    package func prepare() {
        _ = encoding
    }

    private var encoding: BytePairEncoding? {
        switch self {
        case .cl100k: .cl100k
        case .o200k: .o200k
        case .bytes: nil
        }
    }
}
