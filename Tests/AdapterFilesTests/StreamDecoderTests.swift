import AdapterFiles
import GatewayCore
import JSONPath
import Testing

/// `stream` of an operation.
struct StreamDecoderTests {
    private func decode(_ stream: String) -> (streaming: Streaming?, isLoaded: Bool, problems: [String]) {
        let adapter = """
            adapter: 1
            provider: acmedata
            upstream: { url: "https://api.acmedata.example" }
            prices: [ { effective: 2026-01-01, source: a letter, checked: 2026-11-01, rates: [ { unit: 1 } ] } ]
            operations:
              - name: chat
                match: { method: POST, path: /v1/chat }
                usage: { answer: { body: $.tokens }, cached: { body: $.cached, default: 0 } }
                charge: { unit: answer - cached }
                estimate: { unit: 1 }
                \(stream)
            examples:
              - { name: one, request: { method: POST, path: /v1/chat }, response: { status: 200, body: { tokens: 1 } }, expect: { cost: 1 } }
            """
        let (decoded, problems) = decodeAdapter(adapter)
        return (decoded?.operations[0].streaming, decoded != nil, problems)
    }

    @Test func everyKeyIsRead() throws {
        let all = decode(
            """
            stream:
                  when: "$.mode == 'stream'"
                  request: { stream_options: { include_usage: true }, n: 1.50 }
                  omit: "$.usage && !$.choices[0]"
                  usage: { answer: { body: $.usage.tokens } }
                  text: [$.delta, "$.choices[*].text"]
                  on_disconnect: drain
            """)
        #expect(all.problems.isEmpty, "\(all.problems)")
        let streaming = try #require(all.streaming)
        #expect(streaming.when.description == "$.mode == 'stream'" && streaming.omit?.description == "$.usage && !$.choices[0]")
        #expect(JSONValue.object(streaming.request).serialized == Array(#"{"stream_options":{"include_usage":true},"n":1.50}"#.utf8))
        #expect(streaming.usage.map(\.name) == ["answer"] && streaming.onDisconnect == .drain)
        #expect(streaming.text?.name == "answer" && streaming.text?.paths.map(\.description) == ["$.delta", "$.choices[*].text"])
        let least = try #require(decode("stream: {}").streaming)
        #expect(least.when.description == "$.stream == true" && least.request.isEmpty && least.text == nil && least.onDisconnect == .cancel)
        let named = decode("stream: { text: { answer: $.delta } }").streaming
        #expect(named?.text?.name == "answer")
        let two = decode("stream: { usage: { answer: { body: $.a }, cached: { body: $.b, default: 0 } }, text: $.delta }")
        #expect(two.streaming?.text?.name == "answer", "\(two.problems)")
    }

    @Test(arguments: [
        ("stream: { text: $.delta }", "there are: none; or name it"),
        ("stream: { usage: { answer: { body: $.a }, cached: { body: $.b } }, text: $.delta }", "there are: answer, cached"),
        ("stream: { text: { reply: $.delta } }", "'reply', which is not in usage; there are answer, cached"),
        ("stream: { text: { answer: $.a, cached: $.b } }", "expected one quantity's name"),
        ("stream: { text: { answer: delta } }", "no JSONPath"),
        ("stream: { usage: { reply: { body: $.a } } }", "takes the place of nothing"),
        ("stream: { usage: { answer: { path: id } } }", "the operation's path captures no 'id'"),
        ("stream: { request: 1 }", "expected the members"), ("stream: { when: \"$.stream ==\" }", "no condition"),
        ("stream: { omit: $.usage }", "there is no 'request'"), ("stream: { request: { a: 1 }, omit: \"(\" }", "no condition"),
        ("stream: { on_disconnect: stop }", "expected cancel or drain"),
        ("stream: { texts: $.a }", "unknown key 'texts'; did you mean 'text'?"),
        ("stream: true", "expected a mapping"),
    ])
    func everyMistakeIsSaidAndTheAdapterRefused(stream: String, problem: String) {
        let (_, isLoaded, problems) = decode(stream)
        #expect(!isLoaded && problems.contains { $0.contains(problem) }, "\(problems)")
    }
}
