import CYAML

/// One step of a YAML document, with everything copied out of libyaml's memory.
struct YAMLEvent {
    /// What precedes a node: `&anchor` and `!tag`.
    struct Properties {
        var anchor: String?
        var tag: String?
    }

    enum Kind {
        case streamStart
        case streamEnd
        case documentStart
        case documentEnd
        case alias(String)
        case scalar(YAMLScalar, Properties)
        case sequenceStart(Properties)
        case sequenceEnd
        case mappingStart(Properties)
        case mappingEnd
    }

    var kind: Kind
    var mark: SourceMark
}

/// A syntax error in libyaml's own words.
struct YAMLSyntaxError: Error {
    enum Place {
        case mark(SourceMark)
        case byte(Int)
    }

    /// What is wrong, in libyaml's words: "did not find expected key".
    var problem: String
    var place: Place
    /// What was being read, in libyaml's words ("while parsing a block mapping"), and where that began.
    var context: String?
    var contextMark: SourceMark?
}

/// libyaml's parser over a file's bytes: one event after the other.
///
/// Noncopyable, so that the parser and the bytes that it points into have one owner and end together.
struct YAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let input: UnsafeMutableBufferPointer<UInt8>
    private let end: SourceMark

    /// - Throws: when there is no memory for the parser.
    init(_ source: YAMLSource) throws(YAMLSyntaxError) {
        end = source.mark(ofByte: source.bytes.count)
        // libyaml keeps the pointer that it is given, so the bytes need an address that lasts as long as the parser.
        input = UnsafeMutableBufferPointer.allocate(capacity: source.bytes.count)
        _ = input.initialize(fromContentsOf: source.bytes)
        parser = UnsafeMutablePointer.allocate(capacity: 1)
        parser.initialize(to: yaml_parser_t())
        // On failure libyaml has freed what it had and zeroed the structure; deleting that again, as deinit does, frees nothing.
        guard yaml_parser_initialize(parser) == 1 else {
            throw YAMLSyntaxError(problem: "out of memory", place: .byte(0))
        }
        yaml_parser_set_input_string(parser, UnsafePointer(input.baseAddress), input.count)
        // Stated rather than guessed: the bytes are known to be UTF-8.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
        input.deallocate()
    }

    /// The next event; after `streamEnd` or an error, `streamEnd` or an error again.
    mutating func next() throws(YAMLSyntaxError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw syntaxError() }
        defer { yaml_event_delete(&event) }
        return YAMLEvent(kind: Self.kind(of: event), mark: mark(event.start_mark))
    }

    private static func kind(of event: yaml_event_t) -> YAMLEvent.Kind {
        switch event.type {
        case YAML_STREAM_START_EVENT: return .streamStart
        case YAML_DOCUMENT_START_EVENT: return .documentStart
        case YAML_DOCUMENT_END_EVENT: return .documentEnd
        case YAML_ALIAS_EVENT: return .alias(string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let text = String(
                decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.value == nil ? 0 : scalar.length), as: UTF8.self)
            return .scalar(
                YAMLScalar(text: text, isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE),
                .init(anchor: string(scalar.anchor), tag: string(scalar.tag)))
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            return .sequenceStart(.init(anchor: string(start.anchor), tag: string(start.tag)))
        case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            return .mappingStart(.init(anchor: string(start.anchor), tag: string(start.tag)))
        case YAML_MAPPING_END_EVENT: return .mappingEnd
        // libyaml answers YAML_NO_EVENT once it is past the stream's end.
        default: return .streamEnd
        }
    }

    private func syntaxError() -> YAMLSyntaxError {
        let state = parser.pointee
        let problem = state.problem.map { String(cString: $0) } ?? "out of memory"
        switch state.error {
        case YAML_READER_ERROR: return YAMLSyntaxError(problem: problem, place: .byte(Int(clamping: state.problem_offset)))
        case YAML_MEMORY_ERROR: return YAMLSyntaxError(problem: "out of memory", place: .mark(mark(state.mark)))
        default:
            let context = state.context.map { String(cString: $0) }
            return YAMLSyntaxError(
                problem: problem, place: .mark(mark(state.problem_mark)), context: context,
                contextMark: context == nil ? nil : mark(state.context_mark))
        }
    }

    private static func string(_ text: UnsafeMutablePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    /// What is missing at the end of a last line without a line feed, libyaml misses on a line behind the last: here it stays in the file.
    private func mark(_ mark: yaml_mark_t) -> SourceMark {
        min(SourceMark(line: Int(clamping: mark.line).advanced(by: 1), column: Int(clamping: mark.column).advanced(by: 1)), end)
    }
}
