internal import Glibc
internal import Synchronization

/// Says when config.yaml or an adapter has been saved, made, renamed or deleted: about 100 ms after the last of a burst of changes, 500 ms after its
/// first at the latest. Where the kernel cannot tell, it looks twice a second.
final class FileWatcher: Sendable {
    /// The paths as of now; asked anew after every change, since the configuration names the adapters' folder.
    private let paths: @Sendable () -> WatchedPaths
    private let warn: @Sendable (String) -> Void
    private let changed: @Sendable () -> Void
    private let usesEvents: Bool
    /// A pipe: its reading end is readable once the watcher is to stop.
    private let wakeup: Int32
    private let waker: Int32
    private let thread = Mutex<pthread_t?>(nil)
    private static let pollingInterval: UInt64 = 500_000_000

    /// - Parameters:
    ///   - warn: told once if the kernel's events cannot be had.
    ///   - changed: called on the watcher's thread, one call at a time; once at the start too, for what was saved before the watch began.
    init(
        usesEvents: Bool = true, paths: @escaping @Sendable () -> WatchedPaths, warn: @escaping @Sendable (String) -> Void,
        changed: @escaping @Sendable () -> Void
    ) {
        self.usesEvents = usesEvents
        self.paths = paths
        self.warn = warn
        self.changed = changed
        var ends: [Int32] = [-1, -1]
        if pipe(&ends) == 0 {
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }
        (wakeup, waker) = (ends[0], ends[1])
    }

    deinit {
        for end in [wakeup, waker] where end >= 0 { close(end) }
    }

    /// Begins to watch on a thread of its own. The thread keeps the watcher alive until ``stop()``.
    func start() {
        thread.withLock { thread in
            guard thread == nil else { return }
            guard wakeup >= 0 else {
                warn("saved files are not noticed, because there is no pipe to stop the watch with")
                return
            }
            // Signals are for the threads that expect them.
            var all = sigset_t()
            var previous = sigset_t()
            sigfillset(&all)
            pthread_sigmask(SIG_BLOCK, &all, &previous)
            defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
            var started = pthread_t()
            let context = Unmanaged.passRetained(self)
            let result = pthread_create(
                &started, nil,
                { context in
                    guard let context else { return nil }
                    Unmanaged<FileWatcher>.fromOpaque(context).takeRetainedValue().run()
                    return nil
                }, context.toOpaque())
            if result == 0 {
                thread = started
            } else {
                context.release()
                warn("saved files are not noticed, because no thread can be started: \(String(cString: strerror(result)))")
            }
        }
    }

    /// Ends the watch and waits until a call of `changed` under way has returned. Not to be called from within it.
    func stop() {
        guard let running = thread.withLock({ thread in thread.take() }) else { return }
        var byte: UInt8 = 0
        _ = write(waker, &byte, 1)
        pthread_join(running, nil)
    }

    /// Nanoseconds of the monotonic clock.
    private static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private func run() {
        if usesEvents {
            if let events = FolderEvents() {
                if watch(events) { return }
            }
            warn(
                "the kernel cannot watch the configuration's folders (\(String(cString: strerror(errno)))); they are looked at twice a second"
            )
        }
        poll()
    }

    /// Follows the kernel's events. True when the watcher was stopped, false when a folder cannot be watched.
    private func watch(_ events: consuming FolderEvents) -> Bool {
        var events = events
        guard events.watch(paths().folders()) != .incomplete else { return false }
        changed()
        var debounce = Debounce()
        if rearm(&events, &debounce) == .incomplete { return false }
        while true {
            switch wait(for: events.descriptor, until: debounce.deadline) {
            case .stopped: return true
            case .readable: if events.drain() { debounce.note(at: Self.now()) }
            case .time: break
            }
            guard debounce.takeIfDue(at: Self.now()) else { continue }
            // Before the files are read, so that what happens from then on is an event; and after, as they may name another folder.
            if rearm(&events, &debounce) == .incomplete { return false }
            changed()
            if rearm(&events, &debounce) == .incomplete { return false }
        }
    }

    private func rearm(_ events: inout FolderEvents, _ debounce: inout Debounce) -> FolderEvents.Coverage {
        let coverage = events.watch(paths().folders())
        if coverage == .more { debounce.note(at: Self.now()) }
        return coverage
    }

    private func poll() {
        var known = paths().signature()
        changed()
        var debounce = Debounce()
        while true {
            let next = Self.now() + Self.pollingInterval
            if case .stopped = wait(for: -1, until: debounce.deadline.map { min($0, next) } ?? next) { return }
            let signature = paths().signature()
            if signature != known {
                known = signature
                debounce.note(at: Self.now())
            }
            if debounce.takeIfDue(at: Self.now()) { changed() }
        }
    }

    private enum Wakeup {
        case stopped, readable, time
    }

    private func wait(for descriptor: Int32, until deadline: UInt64?) -> Wakeup {
        var polled = [pollfd(fd: wakeup, events: Int16(POLLIN), revents: 0), pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        var timeout: Int32 = -1
        if let deadline {
            let now = Self.now()
            // Rounded up: a wait that ends early would be taken up again at once.
            timeout = deadline > now ? Int32(clamping: (deadline - now + 999_999) / 1_000_000) : 0
        }
        let count = Glibc.poll(&polled, 2, timeout)
        guard count > 0 else { return .time }
        if polled[0].revents != 0 { return .stopped }
        return .readable
    }
}
