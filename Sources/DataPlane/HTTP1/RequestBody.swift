import HTTP1
import NIOCore

/// Where a request's body ends in the bytes that follow its head.
struct RequestBody {
    private enum Rest {
        case none
        case length(Int64)
        case chunked(ChunkedDecoder)
    }

    private var rest: Rest

    init(_ framing: RequestHead.BodyFraming) {
        switch framing {
        case .none: rest = .none
        case .length(let count): rest = .length(count)
        case .chunked: rest = .chunked(ChunkedDecoder())
        }
    }

    var isComplete: Bool {
        switch rest {
        case .none: true
        case .length(let count): count == 0
        case .chunked(let decoder): decoder.isComplete
        }
    }

    /// How much is still to come, where that is known.
    var remaining: Int64? {
        switch rest {
        case .none: 0
        case .length(let count): count
        case .chunked(let decoder): decoder.isComplete ? 0 : nil
        }
    }

    /// The next piece of the body in `input`; nil when more is needed or the body is complete.
    mutating func next(_ input: inout ByteBuffer) throws(RequestError) -> ByteBuffer? {
        switch rest {
        case .none:
            return nil
        case .length(let count):
            let available = Int(min(count, Int64(input.readableBytes)))
            guard available > 0 else { return nil }
            rest = .length(count - Int64(available))
            return input.readSlice(length: available)
        case .chunked(var decoder):
            defer { rest = .chunked(decoder) }
            var cursor = 0
            let result = input.withUnsafeReadableBytes { bytes in
                Result { () throws(ChunkError) in try decoder.next(bytes, &cursor) }
            }
            switch result {
            case .failure(let error):
                throw RequestError(error.description)
            case .success(nil):
                input.moveReaderIndex(forwardBy: cursor)
                return nil
            case .success(let piece?):
                input.moveReaderIndex(forwardBy: piece.lowerBound)
                return input.readSlice(length: piece.count)
            }
        }
    }
}
