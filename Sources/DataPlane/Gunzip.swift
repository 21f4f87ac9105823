import CZlib

/// Decodes a gzip body in a copy, so that it can be metered while the caller gets it as it came.
final class Gunzip {
    /// On the heap, because zlib remembers where it is.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isAtEnd = false

    /// Nil where there is no memory for it.
    init?() {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16 more than the window's bits: the gzip wrapper and no other.
        guard inflateInit2_(stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    /// A whole body; nil when it is no gzip, is cut, or would grow beyond `limit` bytes.
    static func decode(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        guard let decoder = Gunzip(), let output = decoder.decode(bytes, limit: limit), decoder.isAtEnd else { return nil }
        return output
    }

    /// What the next piece of a body comes to; nil when it is no gzip or would grow beyond `limit` bytes. Several members in a row are one body
    /// (RFC 1952).
    func decode(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: min(64 << 10, max(4096, bytes.count * 4)))
        return bytes.withUnsafeBufferPointer { source -> [UInt8]? in
            guard let count = UInt32(exactly: source.count) else { return nil }
            // zlib's older signature: it reads from there and never writes.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.pointee.avail_in = count
            while true {
                if isAtEnd {
                    if stream.pointee.avail_in == 0 { return output }
                    guard inflateReset(stream) == Z_OK else { return nil }
                    isAtEnd = false
                }
                let (status, produced) = piece.withUnsafeMutableBufferPointer { target -> (Int32, Int) in
                    stream.pointee.next_out = target.baseAddress
                    stream.pointee.avail_out = UInt32(target.count)
                    let status = inflate(stream, Z_NO_FLUSH)
                    return (status, target.count - Int(stream.pointee.avail_out))
                }
                guard output.count + produced <= limit else { return nil }
                output.append(contentsOf: piece[..<produced])
                switch status {
                case Z_STREAM_END: isAtEnd = true
                case Z_OK where produced > 0 || stream.pointee.avail_in > 0: continue
                // All of the input is used, and more is needed.
                case Z_OK, Z_BUF_ERROR: return output
                default: return nil
                }
            }
        }
    }
}
