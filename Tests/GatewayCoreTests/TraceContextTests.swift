import GatewayCore
import Testing

/// `traceparent` as https://www.w3.org/TR/trace-context/ has it.
@Suite struct TraceContextTests {
    private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    private static let span = "00f067aa0ba902b7"

    private func read(_ text: String) -> TraceContext? { TraceContext(traceparent: Array(text.utf8)[...]) }

    @Test(arguments: [
        ("00-\(trace)-\(span)-01", true), ("00-\(trace)-\(span)-00", false),
        // Flags that are not defined say nothing, and are not passed on.
        ("00-\(trace)-\(span)-ff", true), ("00-\(trace)-\(span)-fe", false),
        // Versions of the future, as far as they are known.
        ("cc-\(trace)-\(span)-01", true), ("cc-\(trace)-\(span)-00-what-the-future-brings", false), ("01-\(trace)-\(span)-01-", true),
    ])
    func whatIsValidIsRead(text: String, isSampled: Bool) throws {
        let context = try #require(read(text))
        #expect(context.traceID == Self.trace && context.spanID == Self.span && context.isSampled == isSampled)
        #expect(context.traceparent == "00-\(Self.trace)-\(Self.span)-0\(isSampled ? 1 : 0)")
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(span)", "00-\(trace)-\(span)-", "00-\(trace)-\(span)-1", "00-\(trace)-\(span)-0x",
        "00-\(trace.uppercased())-\(span)-01", "00-\(trace)-\(span)-01-", "00-\(trace)-\(span)-01-more", "00-\(trace)-\(span)-010",
        "ff-\(trace)-\(span)-01", "0g-\(trace)-\(span)-01", "01-\(trace)-\(span)-01.", "00-\(String(repeating: "0", count: 32))-\(span)-01",
        "00-\(trace)-0000000000000000-01", "00_\(trace)-\(span)-01", "00-\(trace)_\(span)-01", "00-\(trace)-\(span)_01",
        " 00-\(trace)-\(span)-01", "00-\(trace.dropLast())-\(span)-011", "00-\(trace.dropLast())é\(span)-01",
    ])
    func whatIsNotValidIsIgnored(text: String) {
        #expect(read(text) == nil)
    }

    /// A slice that does not begin at 0, as header values are.
    @Test func itIsReadWhereverItStands() {
        let bytes = Array("x: 00-\(Self.trace)-\(Self.span)-01\r\n".utf8)
        #expect(TraceContext(traceparent: bytes[3..<58])?.traceID == Self.trace)
    }

    @Test func aStepOfOnesOwnContinuesTheTrace() {
        let ids = TraceIDs()
        let trace = CallTrace(HeaderList([("TraceParent", "00-\(Self.trace)-\(Self.span)-01")]), ids: ids)
        #expect(trace.context.traceID == Self.trace && trace.context.isSampled)
        #expect(trace.context.spanID != Self.span && trace.parent == 0x00F0_67AA_0BA9_02B7)
    }

    @Test(arguments: [[], ["nonsense"], ["00-\(trace)-\(span)-01", "00-\(trace)-\(span)-01"]])
    func anotherTraceBeginsWhereThereIsNoneToContinue(values: [String]) {
        let trace = CallTrace(HeaderList(values.map { ("traceparent", $0) }), ids: TraceIDs())
        #expect(trace.parent == nil && !trace.context.isSampled && trace.context.traceID != Self.trace)
        #expect(read(trace.context.traceparent) == trace.context, "what is sent is itself valid")
    }

    @Test func noTwoStepsAreAlike() {
        let ids = TraceIDs()
        #expect(Set((0..<10_000).map { _ in ids.next() }.filter { $0 != 0 }).count == 10_000)
    }
}
