import NIOCore

/// What a call needs of the connection whose request it answers, or of what stands for one. On one event loop with it.
protocol CallOutlet: AnyObject {
    var eventLoop: any EventLoop { get }
    var registry: ConnectionRegistry { get }
    /// Whether a small body is there already, behind its head.
    var hasWholeBody: Bool { get }
    var isWritable: Bool { get }
    var keepsAlive: Bool { get set }
    func sendContinue()
    func pauseBody()
    func resumeBody()
    func beginResponse(isDelimited: Bool) -> String?
    func write(_ bytes: ByteBuffer)
    func flush()
    /// The response is complete.
    func finish()
    /// The response will not be complete.
    func abort()
}

extension Connection: CallOutlet {}
