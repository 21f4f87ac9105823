package import GatewayCore
import Glibc
import Logging
import NIOCore
import NIOPosix
import Synchronization

/// The data plane: listens, and serves every connection on one event loop.
package final class DataPlane: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let server: any Channel
    private let loops: [Loop]
    private let logger: Logger

    /// An event loop and what is confined to it.
    private struct Loop: Sendable {
        let loop: any EventLoop
        let registry: NIOLoopBound<ConnectionRegistry>
        let tick: RepeatedTask
    }

    /// The address that it listens on; the port is the real one where 0 was asked for.
    package let address: GatewayCore.SocketAddress

    /// Starts to listen. Throws when the address cannot be had. However many connections `limits.connections` allows, no more than
    /// `maximumConnections` are served at once.
    package static func start(
        listen: GatewayCore.SocketAddress, eventLoops: Int, maximumConnections: Int = .max, services: Services
    ) async throws -> DataPlane {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: eventLoops)
        do {
            return try await DataPlane(listen: listen, group: group, maximumConnections: maximumConnections, services: services)
        } catch {
            do {
                try await group.shutdownGracefully()
            } catch let second {
                services.logger.warning("the data plane's threads did not end", metadata: ["error": "\(second)"])
            }
            throw ListenError(error)
        }
    }

    private init(
        listen: GatewayCore.SocketAddress, group: MultiThreadedEventLoopGroup, maximumConnections: Int, services: Services
    ) async throws {
        self.group = group
        logger = services.logger
        var loops: [Loop] = []
        for loop in group.makeIterator() {
            loops.append(
                try await loop.submit {
                    let registry = NIOLoopBound(ConnectionRegistry(log: services.log, eventLoop: loop), eventLoop: loop)
                    let tick = loop.scheduleRepeatedTask(initialDelay: .milliseconds(500), delay: .milliseconds(500)) { _ in
                        registry.value.check(at: .now())
                    }
                    return Loop(loop: loop, registry: registry, tick: tick)
                }.get())
        }
        self.loops = loops
        let registries = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.loop), $0.registry) })
        let open = ConnectionCount()
        server = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelInitializer { channel in
                let loop = channel.eventLoop
                guard let registry = registries[ObjectIdentifier(loop)] else { return channel.close() }
                let admission = open.enter(limit: min(services.limits.connections, maximumConnections))
                channel.closeFuture.whenComplete { _ in open.leave() }
                switch admission {
                case .served: services.metrics.connectionsAccepted.increment()
                case .told, .dropped: services.metrics.connectionsRefused.increment()
                }
                if admission == .dropped { return channel.close() }
                return loop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        Connection(services: services, registry: registry.value, eventLoop: loop, isSurplus: admission == .told))
                }
            }
            .bind(host: listen.host, port: listen.port).get()
        address = GatewayCore.SocketAddress(host: listen.host, port: server.localAddress?.port ?? listen.port)
    }

    /// Stops listening, lets calls in flight finish for at most `grace`, then closes what is left.
    ///
    /// A call that the grace was too short for is left as it is: its hold in the journal charges its estimate at the next
    /// start, unless the transport reports its end while the process still runs.
    package func stop(grace: Duration) async {
        do {
            try await server.close()
        } catch {
            logger.warning("the listening socket did not close", metadata: ["error": "\(error)"])
        }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { await self.drain() }
            // Cut short by the drain's end alone: a cancelled sleep is no error.
            tasks.addTask { _ = try? await Task.sleep(for: grace) }
            await tasks.next()
            tasks.cancelAll()
        }
        guard await closeAll() == 0 else { return }
        do {
            try await group.shutdownGracefully()
        } catch {
            logger.warning("the data plane's threads did not end", metadata: ["error": "\(error)"])
        }
    }

    /// Returns when no connection and no call is left, or the task is cancelled.
    private func drain() async {
        let drained = loops.map { each in
            let promise = each.loop.makePromise(of: Void.self)
            each.loop.execute { each.registry.value.drain { promise.succeed(()) } }
            return promise.futureResult
        }
        let (ended, end) = AsyncStream.makeStream(of: Never.self)
        EventLoopFuture.andAllComplete(drained, on: group.any()).whenComplete { _ in end.finish() }
        for await _ in ended {}
    }

    /// Returns how many calls have not ended; their event loops must live on to hear of them.
    private func closeAll() async -> Int {
        var calls = 0
        for each in loops {
            do {
                calls += try await each.loop.submit {
                    each.registry.value.closeAll()
                    each.tick.cancel()
                    return each.registry.value.openCalls
                }.get()
            } catch {
                logger.warning("an event loop did not close its connections", metadata: ["error": "\(error)"])
            }
        }
        return calls
    }
}

/// How many connections are open, over all event loops.
private final class ConnectionCount: Sendable {
    enum Admission {
        case served
        /// Too many; it is told so.
        case told
        /// Too many even for that.
        case dropped
    }

    private let count = Atomic<Int>(0)

    func enter(limit: Int) -> Admission {
        let now = count.wrappingAdd(1, ordering: .relaxed).newValue
        if now <= limit { return .served }
        return now <= limit + limit / 8 + 8 ? .told : .dropped
    }

    func leave() {
        count.wrappingSubtract(1, ordering: .relaxed)
    }
}

/// Why the data plane cannot listen, in words for whoever starts it.
package struct ListenError: Error, CustomStringConvertible {
    package let description: String

    init(_ error: any Error) {
        switch (error as? IOError)?.errnoCode {
        case EADDRINUSE: description = "another program has this address"
        case EACCES: description = "this user may not listen on this port"
        case EADDRNOTAVAIL: description = "this machine has no such address"
        case let code?: description = String(cString: strerror(code))
        case nil: description = "\(error)"
        }
    }
}
