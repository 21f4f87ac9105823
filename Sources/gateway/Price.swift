import ArgumentParser
import GatewayCore
import JSONPath

struct Price: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Tell what a call costs, line by line, without making it.",
        discussion: """
            --request is {"method","path","query","headers","body"} and --response {"status","headers","body"}, as JSON; a body is JSON, or a
            string for anything else. Without a response the estimate is told, with one the charge as well.

            Examples:
              gateway price acmedata --request request.json
              gateway price acmedata --request request.json --response answer.json
            """)

    @OptionGroup var options: ConfigurationOptions

    @Argument(help: "The provider, as callers name it.")
    var provider: String

    @Option(help: "The operation, where the request alone should not decide.")
    var operation: String?

    @Option(help: ArgumentHelp("The request.", valueName: "file"))
    var request: String

    @Option(help: ArgumentHelp("The provider's response.", valueName: "file"))
    var response: String?

    func run() throws {
        let (adapter, _) = try options.adapter(provider)
        let quote: Quote
        do {
            quote = try adapter.quote(
                try ExchangeFile.request(request), response: try response.map(ExchangeFile.response), operation: operation,
                at: machineClock())
        } catch let error as QuoteError {
            throw fail("gateway: \(error)")
        }
        print("operation  \(quote.operation)")
        print("prices     \(quote.priceVersion)")
        for value in quote.charge?.dimensions ?? quote.estimate.dimensions { print("           \(value)") }
        print("estimate   \(quote.estimate.cost)")
        for line in quote.estimate.lines { print("           \(line)") }
        guard let charge = quote.charge else { return }
        print("cost       \(charge.cost)  (\(charge.isBillable ? charge.basis.rawValue : "not billable"))")
        for line in charge.lines where charge.isBillable { print("           \(line)") }
        if let reported = charge.reported { print("reported   \(reported)") }
        if let problem = charge.meteringProblem { print("metering   \(problem)") }
    }
}

/// The files that `gateway price` and `gateway normalize` read.
enum ExchangeFile {
    static func request(_ path: String) throws -> Example.Request {
        let root = try object(path)
        guard let method = root["method"]?.string, let target = root["path"]?.string else {
            throw fail("gateway: \(path): a request has \"method\" and \"path\"")
        }
        let query = try root["query"]?.members.map { (name: $0.name, value: try text($0.value, "query", path)) } ?? []
        return Example.Request(
            method: method, path: target, query: query, headers: try headers(root["headers"], path), body: root["body"].map(body))
    }

    static func response(_ path: String) throws -> Example.Response {
        let root = try object(path)
        guard let status = root["status"]?.number?.int64, (100...599).contains(status) else {
            throw fail("gateway: \(path): a response has a \"status\"")
        }
        return Example.Response(status: Int(status), headers: try headers(root["headers"], path), body: root["body"].map(body) ?? [])
    }

    private static func object(_ path: String) throws -> JSONNode {
        do {
            let root = try JSONDocument(parsing: try readInput(path)).root
            guard root.kind == .object else { throw fail("gateway: \(path): a JSON object is wanted") }
            return root
        } catch let error as JSONError {
            throw fail("gateway: \(path) is not JSON: \(error)")
        }
    }

    private static func headers(_ node: JSONNode?, _ path: String) throws -> HeaderList {
        var headers = HeaderList()
        for member in node?.members ?? [] { headers.append(member.name, try text(member.value, "headers", path)) }
        return headers
    }

    private static func text(_ node: JSONNode, _ place: String, _ path: String) throws -> String {
        if let text = node.string ?? node.number?.text { return text }
        if let flag = node.bool { return flag ? "true" : "false" }
        throw fail("gateway: \(path): in \"\(place)\", values are strings or numbers")
    }

    private static func body(_ node: JSONNode) -> [UInt8] {
        node.string.map { Array($0.utf8) } ?? Array(node.raw)
    }
}
