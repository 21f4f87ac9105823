import CZlib

/// Decodes a gzip body in a copy, so that it can be metered while the caller gets it as it came.
enum Gunzip {
    /// nil when it is no gzip, is cut, or would grow beyond `limit` bytes. Several members in a row are one body (RFC 1952).
    static func decode(_ bytes: [UInt8], limit: Int) -> [UInt8]? {
        var stream = z_stream()
        // 16 more than the window's bits: the gzip wrapper and no other.
        guard inflateInit2_(&stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else { return nil }
        defer { inflateEnd(&stream) }
        var output: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 << 10)
        return bytes.withUnsafeBufferPointer { source -> [UInt8]? in
            guard let count = UInt32(exactly: source.count) else { return nil }
            // zlib's older signature: it reads from there and never writes.
            stream.next_in = UnsafeMutablePointer(mutating: source.baseAddress)
            stream.avail_in = count
            while true {
                let (status, produced) = piece.withUnsafeMutableBufferPointer { target -> (Int32, Int) in
                    stream.next_out = target.baseAddress
                    stream.avail_out = UInt32(target.count)
                    let status = inflate(&stream, Z_NO_FLUSH)
                    return (status, target.count - Int(stream.avail_out))
                }
                guard output.count + produced <= limit else { return nil }
                output.append(contentsOf: piece[..<produced])
                switch status {
                case Z_STREAM_END where stream.avail_in == 0: return output
                case Z_STREAM_END: guard inflateReset(&stream) == Z_OK else { return nil }
                case Z_OK where produced > 0 || stream.avail_in > 0: continue
                default: return nil
                }
            }
        }
    }
}
