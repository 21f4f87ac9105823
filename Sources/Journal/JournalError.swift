/// A journal that cannot be opened or read.
package struct JournalError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What happened and, where it helps, what to do.
    package var description: String

    init(_ description: String) {
        self.description = description
    }
}

/// Bytes of a journal that are no entries. What stands around them is read all the same.
package struct JournalDamage: Sendable, Hashable, CustomStringConvertible {
    /// What is taken for the cause.
    package enum Kind: Sendable, Hashable {
        /// The end of the last segment, cut while it was being written. Cut off at opening; nobody was told that it was durable
        /// (with `synchronous: normal`, a loss of power can take acknowledged entries with it).
        case tornEnd
        /// Bytes in the middle that do not pass their checksum.
        case unreadable
        /// The segment's header does not pass its own; its frames are read with the checksums of the other segments.
        case header
    }

    package var kind: Kind
    package var segment: UInt64
    /// Where it begins and ends, in bytes from the segment's start.
    package var range: Range<UInt64>

    package var description: String {
        let what =
            switch kind {
            case .tornEnd: "a torn end was cut off"
            case .unreadable: "unreadable bytes were passed over"
            case .header: "the header is unreadable"
            }
        return "journal segment \(segment): \(what) at \(range.lowerBound), \(range.count) bytes"
    }
}
