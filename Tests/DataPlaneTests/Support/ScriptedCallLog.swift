import DataPlane
import GatewayCore

/// The lines of calls, as they come.
final class ScriptedCallLog: CallLog {
    private struct State {
        var format: LogFormat? = .json
        var lines: [String] = []
    }

    private let state = Watched(State())

    var callFormat: LogFormat? { state.current.format }

    func append(_ line: LogLine) { state.change { $0.lines.append(String(decoding: line.bytes, as: UTF8.self)) } }

    func write(as format: LogFormat?) { state.change { $0.format = format } }

    var lines: [String] { state.current.lines }
}
