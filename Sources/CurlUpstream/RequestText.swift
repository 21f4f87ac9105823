import CCurl
import GatewayCore
import HTTP1

/// The target and the header lines of one request as curl wants them: C strings and a linked list, in two buffers that serve one request
/// after another.
final class RequestText {
    private var text: UnsafeMutablePointer<CChar>
    private var capacity = 2048
    private var count = 0
    /// Where each line starts in `text`, which may move while it grows.
    private var starts: [Int] = []
    private var nodes: UnsafeMutablePointer<curl_slist>
    private var nodeCapacity = 32

    /// Valid until the next `fill`, like ``list``.
    var target: UnsafePointer<CChar> { UnsafePointer(text) }
    private(set) var list: UnsafeMutablePointer<curl_slist>?

    init() {
        text = .allocate(capacity: capacity)
        nodes = .allocate(capacity: nodeCapacity)
    }

    deinit {
        text.deallocate()
        nodes.deallocate()
    }

    /// Says what is wrong with the request, or nil when nothing is: what could change the meaning of the bytes on the wire goes no further
    /// than this. `hasBody` and `hasProxy` say which headers curl would add of its own accord.
    func fill(prefix: [UInt8], target: String, headers: HeaderList, hasBody: Bool, hasProxy: Bool) -> String? {
        count = 0
        starts.removeAll(keepingCapacity: true)
        if let refusal = appendTarget(prefix, target) { return refusal }
        var hasAccept = false
        var hasContentType = false
        for index in 0..<headers.count {
            let field = headers[index]
            switch field.name.count {
            case 4 where field.isNamed("Host"), 6 where field.isNamed("Expect"), 14 where field.isNamed("Content-Length"),
                17 where field.isNamed("Transfer-Encoding"):
                // The transport's own.
                continue
            case 6 where field.isNamed("Accept"): hasAccept = true
            case 12 where field.isNamed("Content-Type"): hasContentType = true
            default: break
            }
            if let refusal = append(field) { return refusal }
        }
        link(noAccept: !hasAccept, noContentType: hasBody && !hasContentType, noExpect: hasBody, noProxyConnection: hasProxy)
        return nil
    }

    private func appendTarget(_ prefix: [UInt8], _ target: String) -> String? {
        var target = target
        return target.withUTF8 { bytes in
            guard isTarget(bytes) else { return "the request's target is not a path and query" }
            reserve(prefix.count + bytes.count + 1)
            prefix.withUnsafeBufferPointer(append)
            append(bytes)
            terminate()
            return nil
        }
    }

    private func append(_ field: HeaderView) -> String? {
        guard field.name.withUnsafeBufferPointer({ isToken($0) }) else { return "a request header's name is not a token" }
        guard !field.value.withUnsafeBufferPointer({ containsLineBreak($0) }) else { return "a request header's value holds a line break" }
        starts.append(count)
        reserve(field.name.count + field.value.count + 3)
        field.name.withUnsafeBufferPointer(append)
        if field.value.allSatisfy(isSpace) {
            // curl takes "Name:" for the wish to leave the header out; this is how an empty one is asked for.
            append(UInt8(ascii: ";"))
        } else {
            append(UInt8(ascii: ":"))
            append(UInt8(ascii: " "))
            field.value.withUnsafeBufferPointer(append)
        }
        terminate()
        return nil
    }

    /// Makes the list: the request's lines, then those that keep curl from adding headers of its own.
    private func link(noAccept: Bool, noContentType: Bool, noExpect: Bool, noProxyConnection: Bool) {
        let needed = starts.count + 4
        if needed > nodeCapacity {
            nodes.deallocate()
            nodeCapacity = needed * 2
            nodes = .allocate(capacity: nodeCapacity)
        }
        list = nil
        var used = 0
        func prepend(_ line: UnsafeMutablePointer<CChar>) {
            let node = nodes + used
            node.initialize(to: curl_slist(data: line, next: list))
            list = node
            used += 1
        }
        if noExpect { prepend(Self.noExpect) }
        if noProxyConnection { prepend(Self.noProxyConnection) }
        if noAccept { prepend(Self.noAccept) }
        if noContentType { prepend(Self.noContentType) }
        for start in starts.reversed() { prepend(text + start) }
    }

    private func reserve(_ more: Int) {
        guard count + more > capacity else { return }
        let larger = max(capacity * 2, count + more)
        let moved = UnsafeMutablePointer<CChar>.allocate(capacity: larger)
        moved.update(from: text, count: count)
        text.deallocate()
        text = moved
        capacity = larger
    }

    // The room has been reserved by the caller.
    private func append(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard let base = bytes.baseAddress else { return }
        UnsafeMutableRawPointer(text + count).copyMemory(from: base, byteCount: bytes.count)
        count += bytes.count
    }

    private func append(_ byte: UInt8) {
        text[count] = CChar(bitPattern: byte)
        count += 1
    }

    private func terminate() {
        append(0)
    }

    private static func line(_ text: StaticString) -> UnsafeMutablePointer<CChar> {
        UnsafeMutableRawPointer(mutating: text.utf8Start).assumingMemoryBound(to: CChar.self)
    }

    // Static storage that curl only reads, hence safe to share between threads.
    nonisolated(unsafe) private static let noExpect = line("Expect:")
    nonisolated(unsafe) private static let noAccept = line("Accept:")
    nonisolated(unsafe) private static let noContentType = line("Content-Type:")
    nonisolated(unsafe) private static let noProxyConnection = line("Proxy-Connection:")
}
