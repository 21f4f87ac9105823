import GatewayCore
import HTTP1
import Testing

@Suite struct ResponseHeadReaderTests {
    private func read(_ lines: [String], method: String = "GET", maximumBytes: Int = 1000) -> (UpstreamHead?, String?) {
        var reader = ResponseHeadReader(method: method, maximumBytes: maximumBytes, maximumFields: 5)
        for line in lines {
            switch Array(line.utf8).withUnsafeBufferPointer({ reader.read($0) }) {
            case .more: continue
            case .head(let head): return (head, nil)
            case .malformed(let reason): return (nil, reason)
            }
        }
        return (nil, nil)
    }

    @Test func keepsSpellingOrderAndRepetition() throws {
        let (read, _) = read(["HTTP/1.1 200 OK\r\n", "X-b: 1\r\n", "x-A:  two words \t\r\n", "X-b: 2\n", "Empty:\r\n", "\r\n"])
        let head = try #require(read)
        #expect(head.status == 200 && !head.isBodiless)
        #expect(head.headers.map(\.nameText) == ["X-b", "x-A", "X-b", "Empty"])
        #expect(head.headers.map(\.valueText) == ["1", "two words", "2", ""])
    }

    @Test func dropsInterimHeads() throws {
        let (read, _) = read(["HTTP/1.1 103 Early Hints\r\n", "Link: x\r\n", "\r\n", "HTTP/1.1 404\r\n", "A: b\r\n", "\r\n"])
        let head = try #require(read)
        #expect(head.status == 404 && head.headers.count == 1)
    }

    @Test(arguments: [("GET", 204, true), ("GET", 304, true), ("HEAD", 200, true), ("GET", 200, false), ("POST", 205, false)])
    func knowsWhichHaveNoBody(_ method: String, _ status: Int, _ isBodiless: Bool) throws {
        let (read, _) = read(["HTTP/1.1 \(status) x\r\n", "\r\n"], method: method)
        #expect(try #require(read).isBodiless == isBodiless)
    }

    @Test(arguments: [
        ["ICY 200 OK\r\n"], ["HTTP/1.1 20 OK\r\n"], ["HTTP/1.1 2000\r\n"], ["HTTP/1.1\r\n"], ["HTTP/1.1 101 Switching Protocols\r\n"],
        ["HTTP/1.1 200 OK\r\n", "no colon\r\n"], ["HTTP/1.1 200 OK\r\n", "A : b\r\n"], ["HTTP/1.1 200 OK\r\n", "A: b\r\n", " folded\r\n"],
        ["HTTP/1.1 200 OK\r\n", ": b\r\n"], ["HTTP/1.1 200 OK\r\n", "A: b\rSet-Cookie: c\r\n"], ["HTTP/1.1 200 OK\r\n", "A: \0\r\n"],
        ["HTTP/1.1 200 OK\r\n"] + (0..<6).map { "A\($0): b\r\n" },
        ["HTTP/1.1 200 OK\r\n", "A: \(String(repeating: "x", count: 1000))\r\n"],
        [String](repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 50).flatMap { [$0, "\r\n"] },
    ])
    func refuses(_ lines: [String]) {
        let (head, reason) = read(lines)
        #expect(head == nil && reason != nil)
    }
}
