import HTTP1
import Testing

@Suite struct ProviderAddressTests {
    @Test(arguments: [
        ("http://a.example", "a.example", 80, "", "a.example"), ("https://a.example", "a.example", 443, "", "a.example"),
        ("https://a.example:443/v1", "a.example", 443, "/v1", "a.example"), ("http://a.example:443", "a.example", 443, "", "a.example:443"),
        ("http://127.0.0.1:8080/a/b", "127.0.0.1", 8080, "/a/b", "127.0.0.1:8080"), ("http://[::1]", "::1", 80, "", "[::1]"),
        ("https://[2001:db8::1]:8443/x", "2001:db8::1", 8443, "/x", "[2001:db8::1]:8443"),
    ])
    func saysWhereToGo(_ url: String, _ host: String, _ port: Int, _ path: String, _ authority: String) throws {
        let address = try #require(ProviderAddress(url))
        #expect(address.isTLS == url.hasPrefix("https"))
        #expect(address.host == host && address.port == port && address.path == path && address.authority == authority)
    }

    @Test(arguments: [
        "", "a.example", "ftp://a.example", "HTTP://a.example", "http://", "http:///a", "http://:80", "http://a:", "http://a:0",
        "http://a:65536", "http://a:+1", "http://a:1:2", "http://[::1", "http://[::1]x", "http://[]", "http://user@a", "http://a\\b",
        "http://a/b?c", "http://a#b", "http://a b", "http://a/\r\nb",
    ])
    func refusesWhatIsNoBaseURL(_ url: String) {
        #expect(ProviderAddress(url) == nil)
    }
}
