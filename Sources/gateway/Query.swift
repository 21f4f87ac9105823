import ArgumentParser
import Foundation
import JSONPath

struct Query: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the nodes that a JSONPath selects, as a JSON array.",
        discussion: """
            For adapter authors: what a path in an adapter's `usage` selects in an answer. RFC 9535, exact numbers kept exact.

            Examples:
              gateway query '$.usage.total_tokens' answer.json
              curl -s https://api.acmedata.example/v1/people/42 | gateway query '$.data.emails[*].address'
            """)

    @Argument(help: "The query, such as '$.data.emails[0].address'.")
    var jsonpath: String

    @Argument(help: "A JSON file; standard input when left out.")
    var file = "-"

    func run() throws {
        let path: JSONPath
        do {
            path = try JSONPath(jsonpath)
        } catch {
            throw fail("gateway: the query is no JSONPath: \(error)", "  \(jsonpath)", "  \(String(repeating: " ", count: error.offset))^")
        }
        let name = file == "-" ? "standard input" : file
        let bytes = try readInput(file)
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: bytes)
        } catch {
            throw fail("gateway: \(name) is not JSON: \(error)")
        }
        var output = [UInt8(ascii: "[")]
        do {
            for (index, node) in try path.nodes(in: document.root).enumerated() {
                if index > 0 { output += Array(", ".utf8) }
                output += node.raw
            }
        } catch {
            throw fail("gateway: \(error)")
        }
        output += Array("]\n".utf8)
        FileHandle.standardOutput.write(Data(output))
    }
}
