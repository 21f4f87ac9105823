import GatewayCore
import JSONPath
import Testing

/// What of an event stream goes on to the caller, in every chunking.
@Suite struct StreamReaderTests {
    private func read(_ text: [UInt8], cuts: [Int], omit: String? = "$.usage && !$.choices[0]", limit: Int = 1000) throws -> [UInt8] {
        var reader = StreamReader(meter: nil, omit: try omit.map { try JSONLogical($0) }, limit: limit)
        var passed: [UInt8] = []
        var start = 0
        for cut in cuts + [text.count] {
            passed += reader.take(Array(text[start..<cut]))
            #expect(reader.keptBytes <= 2 * limit)
            start = cut
        }
        return passed + reader.finish()
    }

    static let usage = #"{"choices":[],"usage":{"total_tokens":3}}"#
    static let delta = #"{"choices":[{"delta":{"content":"hi"}}],"usage":null}"#
    /// Each as it is sent and as it arrives.
    static let streams: [(sent: String, passed: String)] = ["\n", "\r\n", "\r"].flatMap { (end: String) -> [(String, String)] in
        let (hello, asked, done) = ("data: \(delta)\(end)\(end)", "data: \(usage)\(end)\(end)", "data: [DONE]\(end)\(end)")
        return [
            (hello + asked + done, hello + done), (asked + hello, hello), (hello + asked, hello), (asked, ""), (asked + asked + done, done),
            (": ping\(end)\(end)" + asked + ":\(end)\(end)", ": ping\(end)\(end):\(end)\(end)"),
            (hello + "event: x\(end)id: 2\(end)" + asked + done, hello + done),
            (asked + "event: x\(end)id: 2\(end)" + done, "event: x\(end)id: 2\(end)" + done),
            // Without its empty line it is no event, and told what the gateway asked for all the same.
            (hello + "data: \(usage)", hello), (hello + "data: \(usage)\(end)", hello), (hello + "data: {\"cho", hello + "data: {\"cho"),
        ]
    }

    @Test(arguments: streams)
    func whatOnlyTheGatewayAskedForIsTakenOutInEveryChunking(sent: String, passed: String) throws {
        let bytes = Array(sent.utf8)
        for first in 0...bytes.count {
            #expect(try read(bytes, cuts: [first]) == Array(passed.utf8), "cut at \(first)")
            #expect(try read(bytes, cuts: [first, min(bytes.count, first + 1)]) == Array(passed.utf8))
        }
        #expect(try read(bytes, cuts: Array(0..<bytes.count)) == Array(passed.utf8))
        #expect(try read(bytes, cuts: [], omit: nil) == bytes)
    }

    /// What is too large to be looked at goes through as it comes, and the next event is looked at again.
    @Test(arguments: ["data: ", ": ", "event: x\ndata: ", ":a\n:b\n:c\n"])
    func whatIsTooLargeGoesThrough(start: String) throws {
        let large = start + String(repeating: "x", count: 300) + "\n\n"
        let text = Array((large + "data: \(Self.usage)\n\n" + large).utf8)
        for size in [1, 10, 50, 1000] {
            let cuts = Array(stride(from: size, to: text.count, by: size))
            #expect(try read(text, cuts: cuts, limit: 64) == Array((large + large).utf8), "pieces of \(size)")
        }
    }

    @Test func manyCommentsDoNotHoldAnythingUp() throws {
        let text = Array(String(repeating: ": still here\n", count: 200).utf8)
        #expect(try read(text, cuts: Array(0..<text.count), limit: 64) == text)
    }
}

/// What a streaming request's body gets.
@Suite struct BodyMergeTests {
    private func merged(_ body: String, _ request: String = #"{"stream_options":{"include_usage":true}}"#) throws -> String? {
        guard case .object(let members) = try JSONValue(JSONDocument(parsing: request).root) else { return nil }
        let streaming = Streaming(when: try JSONLogical("$.stream == true"), request: members)
        let bytes = Array(body.utf8)
        return streaming.merged(into: bytes, RequestFacts.body(bytes)).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        (#"{"stream":true}"#, #"{"stream":true,"stream_options":{"include_usage":true}}"#),
        (#"{ "n" : 1.50e1, "stream" : true }"#, #"{ "n" : 1.50e1, "stream" : true ,"stream_options":{"include_usage":true}}"#),
        (#"{"stream_options":{},"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
        (#"{"stream_options":{"x":"\u00e9"},"stream":true}"#, #"{"stream_options":{"x":"\u00e9","include_usage":true},"stream":true}"#),
        (#"{"stream_options":{"include_usage": false },"stream":true}"#, #"{"stream_options":{"include_usage": true },"stream":true}"#),
        (#"{"stream_options":null,"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
        ("\u{FEFF} {\"stream\":true}\n\n", "\u{FEFF} {\"stream\":true,\"stream_options\":{\"include_usage\":true}}\n\n"),
        (#"{"stream":false,"stream":true}"#, #"{"stream":false,"stream":true,"stream_options":{"include_usage":true}}"#),
    ])
    func onlyWhatDiffersIsWritten(body: String, expected: String) throws {
        #expect(try merged(body) == expected)
    }

    @Test(arguments: [
        #"{"stream":true,"stream_options":{"include_usage":true}}"#, #"{"stream":false}"#, #"{}"#, "[]", "no JSON", "",
        #"{"stream":"true"}"#,
    ])
    func whatSaysItAllOrAsksForNoStreamIsLeftAlone(body: String) throws {
        #expect(try merged(body) == nil)
    }

    @Test func severalMembersAtSeveralDepthsAreMerged() throws {
        let patch = #"{"a":{"b":{"c":1,"d":[2]}},"e":"f"}"#
        #expect(try merged(#"{"stream":true}"#, patch) == #"{"stream":true,"a":{"b":{"c":1,"d":[2]}},"e":"f"}"#)
        #expect(
            try merged(#"{"e":"g","a":{"b":{"d":[2.0],"x":0}},"stream":true}"#, patch)
                == #"{"e":"f","a":{"b":{"d":[2.0],"x":0,"c":1}},"stream":true}"#)
    }
}
