import GatewayCore
import Testing

@Suite struct LoopbackRequestTests {
    @Test(
        arguments: [
            ("127.0.0.1:8081", nil), ("127.0.0.1", nil), ("localhost", nil), ("LocalHost:1", nil), ("[::1]", nil), ("[::1]:8081", nil),
            ("127.1.2.3:80", nil), ("localhost:8081", "http://localhost:8081"), ("localhost", "HTTP://LOCALHOST"),
            ("[::1]:8081", "http://[::1]:8081"), ("127.0.0.1:8443", "https://127.0.0.1:8443"), (nil, nil),
        ] as [(String?, String?)])
    func whatThisMachineAsksIsItsOwn(host: String?, origin: String?) {
        #expect(LoopbackRequest.isOwn(host: host, origin: origin))
    }

    @Test(
        arguments: [
            ("evil.example", nil), ("evil.example:8081", nil), ("evil.example", "http://evil.example"), ("", nil), (":8081", nil),
            ("localhost.evil.example", nil), ("127.0.0.1.evil.example", nil), ("127.0.0.1@evil.example", nil), ("127.evil.0.1", nil),
            ("evil.example@127.0.0.1", nil), ("10.0.0.1:8081", nil), ("0.0.0.0:8081", nil), ("::1", nil), ("[::2]:8081", nil),
            ("127.0.0.1:8081:8081", nil), ("localhost:99999", nil), ("localhost,evil.example", nil),
            // A page of elsewhere, of another port of this machine, and of nowhere.
            ("127.0.0.1:8081", "http://evil.example"), ("127.0.0.1:8081", "http://127.0.0.1:3000"), ("localhost:8081", "http://localhost"),
            ("127.0.0.1:8081", "http://127.0.0.1:8081.evil.example"), ("localhost:8081", "http://127.0.0.1:8081"),
            ("localhost:8081", "null"), ("localhost:8081", ""), ("localhost", "http://localhost, http://evil.example"),
            ("localhost", "file://localhost"), (nil, "http://localhost"),
        ] as [(String?, String?)])
    func whatAPageAsksIsNot(host: String?, origin: String?) {
        #expect(!LoopbackRequest.isOwn(host: host, origin: origin))
    }
}
