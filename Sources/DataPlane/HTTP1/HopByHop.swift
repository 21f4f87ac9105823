import GatewayCore

/// Fields that speak of one connection and are never passed on: RFC 9110, section 7.6.1.
enum HopByHop {
    /// The options that the Connection fields nominate, lower-cased; empty in nearly every message.
    static func nominated(by headers: HeaderList) -> [String] {
        guard let first = headers.firstIndex(of: "connection") else { return [] }
        let isAlone = headers.firstIndex(of: "connection", from: first + 1) == nil
        let value = headers[first].value
        if isAlone, equalIgnoringCase(value, "keep-alive".utf8) || equalIgnoringCase(value, "close".utf8) { return [] }
        return headers.all("connection").flatMap { value in
            value.split(separator: ",").map { $0.trimmingSpaces.lowercased() }.filter { $0 != "close" && $0 != "keep-alive" }
        }
    }

    static func includes(_ field: HeaderView, nominated: [String]) -> Bool {
        switch field.name.count {
        case 2: if field.isNamed("te") { return true }
        case 7: if field.isNamed("trailer") || field.isNamed("upgrade") { return true }
        case 10: if field.isNamed("connection") || field.isNamed("keep-alive") { return true }
        case 16: if field.isNamed("proxy-connection") { return true }
        case 17: if field.isNamed("transfer-encoding") { return true }
        case 18: if field.isNamed("proxy-authenticate") { return true }
        case 19: if field.isNamed("proxy-authorization") { return true }
        default: break
        }
        return !nominated.isEmpty && nominated.contains { field.isNamed($0) }
    }
}

extension StringProtocol {
    /// Without surrounding spaces and tabs.
    var trimmingSpaces: String {
        let start = firstIndex { $0 != " " && $0 != "\t" } ?? endIndex
        let end = lastIndex { $0 != " " && $0 != "\t" }.map(index(after:)) ?? start
        return String(self[start..<end])
    }
}
