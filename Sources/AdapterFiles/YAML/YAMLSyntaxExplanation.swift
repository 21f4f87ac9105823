/// Turns a syntax error of libyaml into a place and a message that say what to change.
///
/// Most such errors in practice are text that needed quotes (a JSONPath, `${NAME}`, a path with `{id}`), so the line is looked at
/// again for the value that YAML misread.
struct YAMLSyntaxExplanation {
    let failure: YAMLFailure

    init(error: YAMLSyntaxError, source: YAMLSource) {
        switch error.place {
        case .byte(let offset):
            failure = YAMLFailure(mark: source.mark(ofByte: offset), message: "this character is not allowed in YAML")
        case .mark(let mark):
            failure = Misreading(error: error, mark: mark, source: source).failure
        }
    }
}

/// A syntax error together with the line in which it shows.
private struct Misreading {
    let problem: String
    let context: String
    let contextMark: SourceMark
    let mark: SourceMark
    let source: YAMLSource
    let line: [Unicode.Scalar]
    /// The index in `line` at which libyaml gave up.
    let stop: Int
    /// The index in `line` of the value that stands there or ends there, and of the line's first entry.
    let valueStart: Int
    let lineStart: Int

    init(error: YAMLSyntaxError, mark: SourceMark, source: YAMLSource) {
        problem = error.problem
        context = error.context ?? ""
        contextMark = error.contextMark ?? mark
        self.mark = mark
        self.source = source
        line = source.line(mark.line)
        stop = min(mark.column - 1, line.count)
        (lineStart, valueStart) = Self.starts(in: line, before: stop, inFlow: context.contains("flow"))
    }

    var failure: YAMLFailure {
        if context.hasSuffix("quoted scalar"), problem.hasPrefix("found unexpected") {
            return YAMLFailure(mark: contextMark, message: "this quote is never closed")
        }
        if context.contains("anchor") || context.contains("alias") {
            let sign =
                source.line(contextMark.line).dropFirst(contextMark.column - 1).first == "&"
                ? "'&' is read as an anchor" : "'*' is read as an alias"
            return YAMLFailure(mark: contextMark, message: "a value that starts with \(sign); if it is text, put it in quotes")
        }
        if let tag = misreadTag { return tag }
        if problem == "could not find expected ':'" {
            return YAMLFailure(mark: contextMark, message: "expected 'key: value', found no ': ' after this")
        }
        return YAMLFailure(mark: mark, message: message)
    }

    private var misreadTag: YAMLFailure? {
        guard valueStart < line.count, line[valueStart] == "!", valueStart <= stop else { return nil }
        let tag = line[valueStart...].prefix { !$0.properties.isWhitespace }
        let message =
            "YAML reads \(quoted(Self.string(tag))) as a tag, and tags are not supported; if it is text, put the whole value in quotes"
        return YAMLFailure(mark: SourceMark(line: mark.line, column: valueStart + 1), message: message)
    }

    private var message: String {
        switch problem {
        case "mapping values are not allowed in this context":
            return valueStart > lineStart
                ? "an unquoted value cannot contain ': '; put the whole value in quotes"
                : "a key cannot stand here; check the indentation of this line and of the one above"
        case "found character that cannot start any token":
            guard let character = found, character != "\t" else { return "a tab cannot stand here; indent with spaces" }
            return "a value cannot start with \(quoted(String(character))); put the whole value in quotes"
        case "did not find expected ',' or '}'", "did not find expected ',' or ']'": return flowMessage
        case "did not find expected key", "did not find expected '-' indicator", "did not find expected <document start>":
            return blockMessage
        case "did not find expected node content":
            guard let character = found else { return "expected a value, found the end of the line" }
            return "expected a value, found \(quoted(String(character))); if it is text, put the whole value in quotes"
        case "block sequence entries are not allowed in this context":
            return "a list entry '- ' cannot stand here; start it on a line of its own, or put the value in quotes if it is text"
        case "found unknown escape character":
            return "\(quoted(Self.string(line[stop...].prefix(2)))) is no escape; write '\\\\' for a backslash, or use single quotes"
        default:
            if context == "while scanning a block scalar" {
                return "a value that starts with '|' or '>' is read as a block of text on the lines below; if it is text, put it in quotes"
            }
            return context.isEmpty ? problem : "\(problem), \(context)"
        }
    }

    /// An unquoted value inside `{ }` or `[ ]` ends at a bracket, brace or comma.
    private var flowMessage: String {
        let isMapping = problem.hasSuffix("'}'")
        let end = isMapping ? "}" : "]"
        let whole = isMapping ? "mapping" : "list"
        if let character = found, stop > 0, character == "{" || character == "[" {
            let previous = line[stop - 1]
            if character == "{", previous == "$" {
                let variable = quotable(from: stop - 1, through: "}")
                return "inside { } and [ ] a '${…}' needs quotes: \"\(variable)\""
            }
            if !previous.properties.isWhitespace {
                return "inside { } and [ ] an unquoted value ends at '\(character)'; put the whole value in quotes"
            }
        }
        let opened = "the \(whole) that starts at line \(contextMark.line), column \(contextMark.column)"
        var message = "expected ',' or '\(end)' in \(opened)"
        if contextMark.line < mark.line, startsComment(source.line(contextMark.line).dropFirst(contextMark.column)) {
            message += "; ' #' starts a comment: a value that contains it needs quotes"
        }
        return message
    }

    private var blockMessage: String {
        if valueStart < stop, valueStart < line.count {
            switch line[valueStart] {
            case "\"", "'": return "text follows the closing quote; put the whole value in one pair of quotes"
            case "{": return "text follows what YAML reads as a mapping; a text that starts with '{' needs quotes"
            case "[": return "text follows what YAML reads as a list; a text that starts with '[' needs quotes"
            default: break
            }
        }
        switch problem {
        case "did not find expected key":
            return
                "expected a key of the mapping that starts at line \(contextMark.line), column \(contextMark.column); check the indentation"
        case "did not find expected '-' indicator":
            return
                "expected a '- ' entry of the list that starts at line \(contextMark.line), column \(contextMark.column); check the indentation"
        default: return "the document ends above, and nothing may follow it"
        }
    }

    private var found: Unicode.Scalar? { stop < line.count ? line[stop] : nil }

    private func startsComment(_ text: some Collection<Unicode.Scalar>) -> Bool {
        zip(text, text.dropFirst()).contains { $0.properties.isWhitespace && $1 == "#" }
    }

    /// The text from an index through the first `end`, or as far as the line goes, ready to stand in double quotes.
    private func quotable(from index: Int, through end: Unicode.Scalar) -> String {
        let rest = line[index...]
        guard let last = rest.firstIndex(of: end) else { return shortened(Self.string(rest)) }
        return shortened(Self.string(rest[...last]))
    }

    private static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var text = String.UnicodeScalarView()
        text.append(contentsOf: scalars)
        return String(text)
    }

    /// Where the line's first entry starts (indentation and `- ` passed over), and where the last value before `stop` starts.
    private static func starts(in line: [Unicode.Scalar], before stop: Int, inFlow: Bool) -> (line: Int, value: Int) {
        func skipSpaces(_ index: Int) -> Int {
            var index = index
            while index < line.count, line[index].properties.isWhitespace { index += 1 }
            return index
        }
        func isSeparated(_ index: Int) -> Bool { index + 1 >= line.count || line[index + 1].properties.isWhitespace }
        var first = skipSpaces(0)
        while first < stop, line[first] == "-", isSeparated(first) { first = skipSpaces(first + 1) }
        var value = first
        var index = first
        while index < min(stop, line.count) {
            let scalar = line[index]
            if index == value, scalar == "\"" || scalar == "'" {
                // Nothing inside a quoted value starts another one.
                guard let close = line[(index + 1)...].firstIndex(of: scalar) else { break }
                index = close + 1
                continue
            }
            let isOpening = index == value && (scalar == "{" || scalar == "[")
            if scalar == ":" && isSeparated(index) || inFlow && (scalar == "," || isOpening) { value = skipSpaces(index + 1) }
            index += 1
        }
        return (first, value)
    }
}
