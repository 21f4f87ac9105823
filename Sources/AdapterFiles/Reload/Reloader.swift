internal import Dispatch
package import GatewayCore
internal import Synchronization

/// Loads the configuration again: on request, and when a file has been saved. One load at a time.
///
/// A load that finds an error changes nothing; the next change is the next try.
package final class Reloader: Sendable {
    private struct State {
        /// What was read for the generation in force.
        var inForce: LoadedFiles
        /// What was read last, be it in force or refused.
        var last: LoadedFiles
    }

    private let loader: GenerationLoader
    private let current: CurrentGeneration
    private let clock: WallClock
    private let report: @Sendable (ReloadOutcome) -> Void
    private let warn: @Sendable (String) -> Void
    private let adopt: @Sendable (Adoption) -> Void
    /// Held through a whole load, which is what serialises them.
    private let loading: Mutex<State>
    /// Apart from `loading`, so that the watcher never waits for a load to learn what it watches.
    private let watched: Mutex<WatchedPaths>
    private let watcher = Mutex<FileWatcher?>(nil)
    private let queue = DispatchQueue(label: "gateway.reload")

    /// - Parameters:
    ///   - started: what the generation in force was made from.
    ///   - report: told of every load that puts a generation in force or is refused, for the log. A saved file that changes nothing is not reported.
    ///   - warn: told of what hinders the watch for saved files.
    ///   - adopt: called with a new generation right before calls begin on it.
    package init(
        loader: GenerationLoader, started: LoadedFiles, current: CurrentGeneration, clock: @escaping WallClock,
        report: @escaping @Sendable (ReloadOutcome) -> Void, warn: @escaping @Sendable (String) -> Void,
        adopt: @escaping @Sendable (Adoption) -> Void
    ) {
        self.loader = loader
        self.current = current
        self.clock = clock
        self.report = report
        self.warn = warn
        self.adopt = adopt
        loading = Mutex(State(inForce: started, last: started))
        watched = Mutex(started.watched)
    }

    /// Loads everything again and puts it in force if nothing is wrong. Blocks while files are read and examples run, some milliseconds an adapter.
    package func reload() -> ReloadOutcome { load(askedFrom: ChangeMark.file) }

    /// The same for callers that must not block.
    ///
    /// - Parameter origin: From where it was asked for, for the audit.
    package func reload(from origin: String = ChangeMark.file) async -> ReloadOutcome {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: self.load(askedFrom: origin)) }
        }
    }

    /// Begins to watch for saved files, if the configuration wants that.
    package func watch() {
        watcher.withLock { watcher in
            guard watcher == nil, current.generation.configuration.reload.watch else { return }
            // The watcher's thread keeps both alive until `stop()`.
            let started = FileWatcher(
                paths: { self.watched.withLock { $0 } }, warn: warn, changed: { _ = self.load(askedFrom: nil) })
            started.start()
            watcher = started
        }
    }

    /// Ends the watch; a load under way is finished first.
    package func stop() {
        watcher.withLock { $0.take() }?.stop()
    }

    /// - Parameter origin: Who asked; nil for a file that was saved.
    private func load(askedFrom origin: String?) -> ReloadOutcome {
        loading.withLock { state in
            let generation = current.generation
            // Whoever turns the watch off while it runs reloads by hand from then on, which includes turning it on again.
            if origin == nil, !generation.configuration.reload.watch { return .unchanged(generation: generation.number) }
            let now = clock()
            let loaded = loader.load(number: generation.number + 1, at: now, replacing: generation, after: state.inForce)
            watched.withLock { $0 = loaded.watched }
            let isKnown = loaded.contents == state.last.contents
            state.last = loaded
            if loaded.contents == state.inForce.contents {
                // Back to what is in force: an earlier refusal is over.
                if !current.lastAttempt.problems.isEmpty { current.replace(with: generation) }
                return .unchanged(generation: generation.number)
            }
            guard let next = loaded.generation else {
                let problems = loaded.diagnostics.filter { $0.severity == .error }.map(\.description)
                let outcome = ReloadOutcome.refused(generation: generation.number, problems: problems)
                // Events that lead to what was refused already are no new attempt.
                if origin != nil || !isKnown {
                    current.refused(problems, at: now)
                    report(outcome)
                }
                return outcome
            }
            let adoption = Adoption(
                generation: next, origin: origin ?? ChangeMark.file, before: state.inForce.contents.subtracting(loaded.contents),
                after: loaded.contents.subtracting(state.inForce.contents))
            state.inForce = loaded
            adopt(adoption)
            current.replace(with: next)
            let outcome = ReloadOutcome.replaced(generation: next.number, notes: next.warnings)
            report(outcome)
            return outcome
        }
    }
}

/// A generation that is about to be in force.
package struct Adoption: Sendable {
    package let generation: Generation
    /// From where the reload was asked for; ``ChangeMark/file`` when a file was saved.
    package let origin: String
    /// The files that differ, as they were and as they are.
    package let before: Set<FileDigest>
    package let after: Set<FileDigest>
}
