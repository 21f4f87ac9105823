import Synchronization

/// A call's id: a ULID, 26 characters of Crockford's base 32, whose order is the order of reservation.
///
/// https://github.com/ulid/spec: 48 bits of milliseconds, 80 bits of randomness.
package struct CallID: Sendable, Hashable, Comparable {
    package let high: UInt64
    package let low: UInt64

    package init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 26 characters; nil for anything else. Lower case is accepted.
    package init?(_ text: some StringProtocol) {
        var value: UInt128 = 0
        var count = 0
        for byte in text.utf8 {
            guard count < 26, let digit = Self.digit(byte) else { return nil }
            if count == 0, digit > 7 { return nil }
            value = value << 5 | UInt128(digit)
            count += 1
        }
        guard count == 26 else { return nil }
        self.init(high: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value))
    }

    /// The instant of the reservation, to the millisecond.
    package var timestamp: Timestamp {
        Timestamp(microseconds: Int64(high >> 16) * 1000)
    }

    /// The lowest of a millisecond; at the ends of an id's range, the lowest or highest of all.
    package static func first(at instant: Timestamp) -> CallID {
        guard instant.milliseconds > 0 else { return CallID(high: 0, low: 0) }
        guard instant.milliseconds < 1 << 48 else { return CallID(high: .max, low: .max) }
        return CallID(high: UInt64(instant.milliseconds) << 16, low: 0)
    }

    package static func < (left: CallID, right: CallID) -> Bool {
        (left.high, left.low) < (right.high, right.low)
    }

    private static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

    private static func digit(_ byte: UInt8) -> UInt8? {
        let upper = byte >= 0x61 ? byte - 0x20 : byte
        return alphabet.firstIndex(of: upper).map(UInt8.init)
    }
}

extension CallID: CustomStringConvertible {
    package var description: String {
        var value = UInt128(high) << 64 | UInt128(low)
        return String(unsafeUninitializedCapacity: 26) { buffer in
            for index in stride(from: 25, through: 0, by: -1) {
                buffer[index] = Self.alphabet[Int(value & 31)]
                value >>= 5
            }
            return 26
        }
    }
}

/// Makes ids that only ever grow within a process, even when the clock steps back.
package final class CallIDGenerator: Sendable {
    private struct State {
        var last = CallID(high: 0, low: 0)
        var random: UInt64
    }

    private let state: Mutex<State>

    package init() {
        // Seeded by the system once: ids must not collide, they are no secrets, and a system call for each would cost more than the rest.
        var system = SystemRandomNumberGenerator()
        state = Mutex(State(random: system.next()))
    }

    /// The next id, of the millisecond of `now` or, after a step back of the clock, just above the one before.
    package func next(at now: Timestamp) -> CallID {
        let millisecond = UInt64(max(0, now.milliseconds)) & 0xFFFF_FFFF_FFFF
        return state.withLock { state in
            if millisecond > state.last.high >> 16 {
                // The top bit of the randomness stays clear: room for increments within the millisecond.
                let high = millisecond << 16 | Self.next(&state.random) & 0x7FFF
                state.last = CallID(high: high, low: Self.next(&state.random))
            } else {
                let (low, carry) = state.last.low.addingReportingOverflow(1 + Self.next(&state.random) & 0xFFFF)
                state.last = CallID(high: carry ? state.last.high + 1 : state.last.high, low: low)
            }
            return state.last
        }
    }

    private static func next(_ state: inout UInt64) -> UInt64 {
        state &+= SplitMix.step
        return SplitMix.mix(state)
    }
}
