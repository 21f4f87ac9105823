import Synchronization

/// Where a call stands in its caller's trace, or in a new one.
package struct CallTrace: Sendable, Hashable {
    /// What the provider is told, and the log.
    package let context: TraceContext
    /// The caller's step; nil where the trace begins here.
    package let parent: UInt64?

    /// Continues the caller's trace with a step of its own. Without a `traceparent`, with one that is not valid, or with two, a new trace begins,
    /// and what came with the old one is no longer passed on. A new trace is not sampled: that is the specification's default for whoever
    /// begins one and leaves the decision to others, and a provider is not made to record what nobody here collects.
    package init(_ headers: HeaderList, ids: TraceIDs) {
        if let index = headers.firstIndex(of: "traceparent"), headers.firstIndex(of: "traceparent", from: index + 1) == nil,
            let caller = TraceContext(traceparent: headers[index].value)
        {
            context = TraceContext(
                traceHigh: caller.traceHigh, traceLow: caller.traceLow, span: ids.next(), isSampled: caller.isSampled)
            parent = caller.span
        } else {
            context = TraceContext(traceHigh: ids.next(), traceLow: ids.next(), span: ids.next(), isSampled: false)
            parent = nil
        }
    }

    /// Whether a field of the caller's ends here: its `traceparent` always, its `tracestate` with a trace that is not continued.
    package func replaces(_ field: HeaderView) -> Bool {
        switch field.name.count {
        case 10: parent == nil && field.isNamed("tracestate")
        case 11: field.isNamed("traceparent")
        default: false
        }
    }
}

/// Makes the ids of traces and their steps: no two alike in a process, and none is 0.
package final class TraceIDs: Sendable {
    private let state: Atomic<UInt64>

    package init() {
        // Seeded by the system once, as for the calls' own ids.
        var system = SystemRandomNumberGenerator()
        state = Atomic(system.next())
    }

    package func next() -> UInt64 {
        while true {
            let mixed = SplitMix.mix(state.wrappingAdd(SplitMix.step, ordering: .relaxed).newValue)
            if mixed != 0 { return mixed }
        }
    }
}
