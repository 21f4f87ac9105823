/// One call's life, from its reservation to the end of its response, as a pure state machine: event in, actions out.
///
/// It owns the promise that every reservation is settled or released exactly once, and that the end of a response is
/// let go only after the call's record is durable. It does no I/O; whoever drives it carries out the actions in order.
package struct Exchange: ~Copyable {
    /// What has happened.
    package enum Event: Sendable {
        /// The hold is in the journal, or could not be written and the policy is to go on without.
        case holdWritten
        /// The hold could not be written and the policy is to refuse.
        case holdFailed
        /// The provider's response head. `delivery` is how its body will reach the caller; one that ends with its caller, as most streams do, is cut
        /// when the caller leaves, and any other is read to its end.
        case head(delivery: Delivery, endsWithCaller: Bool)
        /// A held body has become too large: it flows from here on.
        case outgrown
        /// The provider's response is complete.
        case ended
        /// The provider's response will not be completed; `wasSent` tells whether the request may have reached it.
        case failed(wasSent: Bool)
        /// The caller is gone.
        case callerGone
        /// The settled record is durable, or went the way of a tracker error.
        case recorded
    }

    /// How a response body reaches the caller.
    package enum Delivery: Sendable, Hashable {
        /// Kept until its cost is known.
        case held
        /// Passed on as it arrives.
        case flowing
        /// Read to its end for its cost; nobody is there to take it.
        case discarded
    }

    /// How a call is charged.
    package enum Settlement: Sendable, Hashable {
        /// By what the answer says.
        case metered
        /// The answer broke off, or its reader left: what a billable answer of its status costs at the most.
        case cut
        /// The request was sent and no response head came.
        case unanswered
    }

    /// What the caller gets when nothing of an answer has been passed on.
    package enum Ending: Sendable, Hashable {
        /// The whole answer, or what is left of it.
        case whole
        /// A problem in place of an answer.
        case problem
        /// A closed connection, so that a cut answer is not taken for a whole one.
        case abort
    }

    package enum Action: Sendable, Hashable {
        /// Send the request to the provider.
        case forward
        /// Give the hold back and journal that: nothing reached the provider. The call ends as the ending says, at once.
        case release(Ending)
        /// Send the response's head to the caller, with what has been held of its body.
        case sendHead
        /// Charge the call, take its hold back, and journal its record.
        case settle(Settlement)
        /// Stop the transfer from the provider.
        case cancelUpstream
        /// Let the end of the response go.
        case finish(Ending)
    }

    private enum State {
        case holding(callerGone: Bool)
        case forwarded(callerGone: Bool)
        case answering(Delivery, endsWithCaller: Bool)
        case recording(Ending?)
        case finished
    }

    private var state: State = .holding(callerGone: false)

    /// Begins with an estimate that is held in every scope and whose hold is on its way to the journal.
    package init() {}

    /// How body bytes are to be treated now; nil outside a response body.
    package var delivery: Delivery? {
        if case .answering(let delivery, _) = state { delivery } else { nil }
    }

    /// Whether the call is settled or released and its end let go.
    package var isFinished: Bool {
        if case .finished = state { true } else { false }
    }

    /// Whether the call's charge is decided: nothing that the provider still sends can change it.
    package var isSettled: Bool {
        switch state {
        case .recording, .finished: true
        case .holding, .forwarded, .answering: false
        }
    }

    /// Takes an event. One that has no meaning any more (bytes after a cancellation, a second departure) has no actions.
    package mutating func on(_ event: Event) -> [Action] {
        switch (state, event) {
        case (.holding(callerGone: false), .holdWritten):
            state = .forwarded(callerGone: false)
            return [.forward]
        case (.holding(callerGone: true), .holdWritten):
            state = .finished
            return [.release(.abort)]
        case (.holding(let gone), .holdFailed):
            state = .finished
            return [.release(gone ? .abort : .problem)]
        case (.holding, .callerGone):
            state = .holding(callerGone: true)
            return []

        case (.forwarded, .callerGone):
            // An ordinary answer is still worth its cost: it is awaited and settled by what it says.
            state = .forwarded(callerGone: true)
            return []
        case (.forwarded(callerGone: false), .head(let delivery, let endsWithCaller)):
            state = .answering(delivery, endsWithCaller: endsWithCaller)
            return delivery == .flowing ? [.sendHead] : []
        case (.forwarded(callerGone: true), .head(_, endsWithCaller: true)):
            state = .recording(nil)
            return [.cancelUpstream, .settle(.cut)]
        case (.forwarded(callerGone: true), .head(_, endsWithCaller: false)):
            state = .answering(.discarded, endsWithCaller: false)
            return []
        case (.forwarded(let gone), .failed(wasSent: false)):
            state = .finished
            return [.release(gone ? .abort : .problem)]
        case (.forwarded(let gone), .failed(wasSent: true)), (.forwarded(let gone), .ended):
            state = .recording(gone ? nil : .problem)
            return [.settle(.unanswered)]

        case (.answering(.held, let endsWithCaller), .outgrown):
            state = .answering(.flowing, endsWithCaller: endsWithCaller)
            return [.sendHead]
        case (.answering(let delivery, _), .ended):
            state = .recording(delivery == .discarded ? nil : .whole)
            return [.settle(.metered)]
        case (.answering(let delivery, _), .failed):
            switch delivery {
            case .held: state = .recording(.problem)
            case .flowing: state = .recording(.abort)
            case .discarded: state = .recording(nil)
            }
            return [.settle(.cut)]
        case (.answering(_, endsWithCaller: true), .callerGone):
            state = .recording(nil)
            return [.cancelUpstream, .settle(.cut)]
        case (.answering(_, endsWithCaller: false), .callerGone):
            state = .answering(.discarded, endsWithCaller: false)
            return []

        case (.recording, .callerGone):
            state = .recording(nil)
            return []
        case (.recording(let ending), .recorded):
            state = .finished
            return ending.map { [.finish($0)] } ?? []

        default:
            return []
        }
    }
}
