import GatewayCore
import JSONPath

/// How much of their limits workspaces have used, as bars: what stands below a table of spending. A running gateway knows it, and no other.
struct BudgetBars {
    let client: AdminClient
    let alerts: AlertSettings
    let palette: Palette

    private struct Window {
        var workspace: String
        var name: String
        var spent: Money
        var limit: Money
        var enforcement: String

        /// Per mille, rounded down: what is not quite used is not shown as used.
        var used: Int { limit > .zero ? Int(clamping: Int128(spent.nanos) * 1000 / Int128(limit.nanos)) : 1000 }
        var percent: String { "\(used / 10).\(used % 10) %" }

        func bar(width: Int) -> String {
            let filled = max(0, min(width, used * width / 1000))
            return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
        }
    }

    /// The most workspaces that are shown; more would be no picture.
    private static let most = 20
    private static let width = 24

    /// The windows of the workspaces that have limits; empty where none has.
    func text(_ workspaces: [String]) async -> String {
        var windows: [Window] = []
        for workspace in workspaces.prefix(Self.most) { windows += await self.windows(of: workspace) }
        guard !windows.isEmpty else { return "" }
        let rows = windows.map { window in
            [
                window.workspace, window.name, window.bar(width: Self.width), window.percent, window.spent.description,
                window.limit.description, window.enforcement == "enforce" ? "" : window.enforcement,
            ]
        }
        let columns = ["workspace", "budget", "used", "%", "spent", "limit", ""]
        let lines = TextTable.render(columns, TextTable.alignedOnPoint(rows, [4, 5]), numeric: ["%", "spent", "limit"])
            .split(separator: "\n")
        var text = "\n" + palette.paint(String(lines[0]), .bold) + "\n"
        for (line, window) in zip(lines.dropFirst(), windows) {
            let bar = window.bar(width: Self.width)
            text += line.replacing(bar, with: palette.paint(bar, colour(window))) + "\n"
        }
        if workspaces.count > Self.most { text += "and \(workspaces.count - Self.most) more: see each with --workspace\n" }
        return text
    }

    private func colour(_ window: Window) -> Palette.Colour {
        let percent = Exact(Int64(window.used / 10))
        return percent.isLess(than: alerts.warning) ? .green : percent.isLess(than: alerts.critical) ? .yellow : .red
    }

    private func windows(of workspace: String) async -> [Window] {
        guard let reply = await client.send("GET", "/v1/workspaces/\(PercentCoding.encoded(workspace))/budget"), reply.status == 200,
            let budget = reply.json, let enforcement = budget["enforcement"]?.string
        else { return [] }
        return [("today", "daily"), ("this month", "monthly")].compactMap { name, key in
            guard let window = budget[key], let spent = window["spent"]?.string.flatMap({ Money($0) }),
                let limit = window["limit"]?.string.flatMap({ Money($0) })
            else { return nil }
            return Window(workspace: workspace, name: name, spent: spent, limit: limit, enforcement: enforcement)
        }
    }
}
