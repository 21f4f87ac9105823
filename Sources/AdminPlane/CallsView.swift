import GatewayCore
import Hummingbird
import JSONPath

/// `/v1/calls`: the ledger's rows, the newest first.
enum CallsView {
    static func list(_ request: Request, services: AdminPlane.Services) async throws -> AdminAnswer {
        let parameters = try QueryParameters(request)
        var query = CallQuery(
            workspace: try parameters.text("workspace"), provider: try parameters.text("provider"),
            operation: try parameters.text("operation"), status: try parameters.number("status", in: 100...599),
            from: try parameters.instant("from"), until: try parameters.end("to"), limit: try parameters.limit())
        let cursor = CallCursor(query)
        query.after = try parameters.cursor(cursor.place)
        // One more than asked for tells whether there are more.
        query.limit += 1
        do throws(LedgerError) {
            let rows = try await services.ledger().calls(query)
            let page = rows.prefix(query.limit - 1)
            let next = rows.count > page.count ? page.last.map { JSONValue.string(cursor.text($0.place)) } : nil
            return AdminAnswer(.object([.init("calls", .array(page.map(\.json))), .init("next", next ?? .null)]))
        } catch {
            throw Refusal(error)
        }
    }
}

/// A place in the answers to one question, as text: the question's check sum, the instant and the id, in hexadecimal digits.
///
/// It is no secret and keeps nothing out; the check sum is for those who go on with another question by mistake.
struct CallCursor {
    private let question: String

    /// What is asked, wherever the answer begins and however long it may be.
    init(_ query: CallQuery) {
        var query = query
        (query.after, query.limit) = (nil, 0)
        let parts = [
            query.workspace, query.provider, query.operation, query.status?.description, query.from?.rfc3339, query.until?.rfc3339,
        ]
        question = String(checksum(of: parts.map { $0.map { "\($0.utf8.count):\($0)" } ?? "-" }.joined(separator: ",")).prefix(8))
    }

    func text(_ place: CallQuery.Place) -> String {
        let instant = UInt64(bitPattern: place.createdAt.microseconds)
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: instant >> (56 - 8 * $0)) } + Array(place.id.utf8)
        return question + bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// nil for what ``text(_:)`` has not made of an answer to the same question.
    func place(_ text: String) -> CallQuery.Place? {
        let digits = Array(text.utf8)
        guard text.hasPrefix(question), digits.count.isMultiple(of: 2), (26...1000).contains(digits.count) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: question.utf8.count, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else { return nil }
            bytes.append(byte)
        }
        let instant = Timestamp(microseconds: Int64(bitPattern: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }))
        guard Timestamp.calendar.contains(instant), let id = String(validating: bytes.dropFirst(8), as: UTF8.self) else { return nil }
        let place = CallQuery.Place(createdAt: instant, id: id)
        return self.text(place) == text ? place : nil
    }
}
