import GatewayCore

/// One file's nodes on their way to typed values: where problems go, and which environment strings refer to.
///
/// Confined to the thread that decodes.
package final class DocumentReader {
    /// The file's name in diagnostics.
    package let file: String
    package let diagnostics: Diagnostics
    package let environment: Environment
    /// The variables that were read but are not set and have no fallback, in order of appearance, each once.
    package private(set) var missingVariables: [String] = []
    private var missingSet: Set<String> = []

    package init(file: String, environment: Environment, diagnostics: Diagnostics) {
        self.file = file
        self.environment = environment
        self.diagnostics = diagnostics
    }

    /// A reader of the document in `bytes`; nil, with the reason reported, when it is no readable YAML.
    package func root(of bytes: [UInt8]) -> ValueReader? {
        YAMLNode.parse(bytes, file: file, diagnostics: diagnostics).map { ValueReader($0, of: self) }
    }

    /// Reports a problem in this file.
    package func report(_ message: String, at mark: SourceMark, severity: Diagnostic.Severity = .error) {
        diagnostics.report(Diagnostic(file: file, mark: mark, severity: severity, message: message))
    }

    func interpolate(_ text: String, at mark: SourceMark) -> InterpolatedString? {
        do throws(InterpolationError) {
            let result = try InterpolatedString(text, from: environment)
            for name in result.missing where missingSet.insert(name).inserted { missingVariables.append(name) }
            guard environment.missing == .refused, !result.missing.isEmpty else { return result }
            for name in result.missing { report("the environment variable \(name) is not set", at: mark) }
            return nil
        } catch {
            report(error.message, at: mark)
            return nil
        }
    }
}

/// A node and the accessors that turn it into a typed value.
///
/// An accessor returns nil after it has reported, at the node's place, why it cannot; decoding goes on with what else there is, so
/// that all problems of a file come at once, and the result counts only if there were none.
package struct ValueReader {
    package let node: YAMLNode
    package let document: DocumentReader
    /// Whether a credential may stand here, so that messages do not show what does.
    private var isSecret = false

    package init(_ node: YAMLNode, of document: DocumentReader) {
        self.node = node
        self.document = document
    }

    /// The same value, which no message shows.
    package var secret: ValueReader {
        var copy = self
        copy.isSecret = true
        return copy
    }

    /// Whether nothing, `~` or `null` stands here.
    package var isNull: Bool { node.isNull }

    /// The scalar as written, unresolved and without environment variables; nil for lists and mappings. Reports nothing.
    package var scalar: YAMLScalar? {
        if case .scalar(let scalar) = node.content { scalar } else { nil }
    }

    /// The scalar as messages show it: what an environment variable stands for is not in it.
    package var written: String { scalar?.text ?? "" }

    /// Reports an error at this node.
    package func fail(_ message: String) { document.report(message, at: node.mark) }

    /// Reports a warning at this node.
    package func warn(_ message: String) { document.report(message, at: node.mark, severity: .warning) }

    /// Reports that something else was expected, and what was found; silent where the node's own problem is known already.
    package func expected(_ what: String, advice: String? = nil) {
        if case .unreadable = node.content { return }
        fail("expected \(what), found \(isSecret ? "something else" : node.summary)" + (advice.map { "; \($0)" } ?? ""))
    }

    // MARK: Scalars

    /// A string with environment variables put in.
    package func interpolated() -> InterpolatedString? {
        guard let scalar, scalar.value == .string else {
            let isPlainText = scalar.map { $0.value != .null } ?? false
            expected("a string", advice: isPlainText ? "put it in quotes" : nil)
            return nil
        }
        return document.interpolate(scalar.text, at: node.mark)
    }

    /// A string with environment variables put in, for values that are no secrets.
    package func string() -> String? { interpolated()?.value }

    /// Any scalar but null as text: a string with environment variables put in, a number or boolean as it is written.
    package func text() -> String? {
        guard let scalar, scalar.value != .null else {
            expected("a string or a number")
            return nil
        }
        guard scalar.value == .string else { return scalar.text }
        return document.interpolate(scalar.text, at: node.mark)?.value
    }

    /// `true` or `false`.
    package func bool() -> Bool? {
        if case .bool(let value)? = scalar?.value { return value }
        expected("true or false")
        return nil
    }

    /// A whole number within a range.
    package func integer(in range: ClosedRange<Int> = .min ... .max) -> Int? {
        let what =
            switch (range.lowerBound, range.upperBound) {
            case (.min, .max): "a whole number"
            case (let low, .max): "a whole number from \(low)"
            case (.min, let high): "a whole number up to \(high)"
            case (let low, let high): "a whole number from \(low) to \(high)"
            }
        if case .integer(let text)? = scalar?.value, let value = Int(text), range.contains(value) { return value }
        expected(what, advice: quotedNumberAdvice)
        return nil
    }

    /// A number as exact decimal text: `-`? digits (`.` digits)?, no exponent, at most `YAMLScalar.maximumDigits` digits.
    package func decimal() -> String? {
        switch scalar?.value {
        case .integer(let text)?, .decimal(let text)?: return text
        case .unrepresentable?: expected("a finite number of at most \(YAMLScalar.maximumDigits) digits")
        default: expected("a number", advice: quotedNumberAdvice)
        }
        return nil
    }

    private var quotedNumberAdvice: String? {
        guard let scalar, !scalar.isPlain else { return nil }
        switch YAMLScalar(text: scalar.text, isPlain: true).value {
        case .integer, .decimal: return "remove the quotes"
        default: return scalar.text.contains("${") ? "an environment variable gives a string" : nil
        }
    }

    /// A duration, `500ms`, `30s`, `10m`, `2h` or `7d`, within a range that defaults to a hundred years.
    package func duration(in range: ClosedRange<Duration> = .zero ... .seconds(86_400 * 36_500)) -> Duration? {
        let bounds = Self.milliseconds(range.lowerBound)...Self.milliseconds(range.upperBound)
        return quantity(.duration, in: bounds).map { .milliseconds($0) }
    }

    private static func milliseconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        return overflow ? (seconds < 0 ? .min : .max) : whole + attoseconds / 1_000_000_000_000_000
    }

    /// A size in bytes, `512B`, `32KiB`, `10MiB` or `1GiB`, within a range.
    package func byteSize(in range: ClosedRange<Int> = 0 ... .max) -> Int? {
        quantity(.byteSize, in: Int64(range.lowerBound)...Int64(range.upperBound)).map { Int($0) }
    }

    private func quantity(_ scale: UnitScale, in range: ClosedRange<Int64>) -> Int64? {
        guard let scalar, scalar.value == .string else {
            expected(scale.noun)
            return nil
        }
        guard let text = document.interpolate(scalar.text, at: node.mark)?.value else { return nil }
        do throws(UnitScale.Problem) {
            let quantity = try scale.parse(text)
            if range.contains(quantity) { return quantity }
        } catch .malformed {
            expected(scale.noun)
            return nil
        } catch .unknownUnit(let unit) {
            fail("unknown unit \(quoted(unit)); known: \(alternatives(scale.units.map(\.name)))")
            return nil
        } catch {}
        let low = scale.text(range.lowerBound)
        let bounds = range.upperBound == .max ? "at least \(low)" : "from \(low) to \(scale.text(range.upperBound))"
        fail("out of range: expected \(bounds), found \(shortened(scalar.text))")
        return nil
    }

    /// One of the words that name the cases of `type`.
    package func word<Word: RawRepresentable & CaseIterable>(_ type: Word.Type = Word.self) -> Word? where Word.RawValue == String {
        let words = Word.allCases.map(\.rawValue)
        guard let scalar, case .string = scalar.value else {
            expected(alternatives(words))
            return nil
        }
        guard let text = document.interpolate(scalar.text, at: node.mark)?.value else { return nil }
        if let word = Word(rawValue: text) { return word }
        expected(alternatives(words), advice: nearest(to: text, among: words).map { "did you mean '\($0)'?" })
        return nil
    }

    // MARK: Lists and mappings

    /// A list's elements. Elements that `read` cannot read are left out; that they are wrong is reported.
    package func list<Element>(of read: (ValueReader) -> Element?) -> [Element]? {
        guard case .sequence(let nodes) = node.content else {
            expected("a list")
            return nil
        }
        return nodes.compactMap { read(ValueReader($0, of: document)) }
    }

    /// A list's elements, or the one value that stands here instead of a list.
    package func oneOrList<Element>(of read: (ValueReader) -> Element?) -> [Element]? {
        if case .sequence = node.content { return list(of: read) }
        return read(self).map { [$0] }
    }

    /// The entries of a mapping whose keys are data, in file order. Entries that `read` cannot read are left out.
    package func entries<Entry>(of read: (_ key: KeyReader, _ value: ValueReader) -> Entry?) -> [Entry]? {
        guard case .mapping(let entries) = node.content else {
            expected("a mapping")
            return nil
        }
        return entries.compactMap { read(KeyReader($0, of: document), ValueReader($0.value, of: document)) }
    }

    /// A mapping whose keys are known: `read` asks for them; those that it did not ask for are then reported as unknown.
    package func mapping<Value>(_ read: (MappingReader) -> Value?) -> Value? {
        guard case .mapping(let entries) = node.content else {
            expected("a mapping")
            return nil
        }
        let reader = MappingReader(entries, at: node.mark, of: document)
        let value = read(reader)
        reader.finish()
        return value
    }
}
