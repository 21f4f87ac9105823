import Foundation
import Testing

@testable import JSONPath

/// The published compliance suite for RFC 9535, read with this module's own parser.
@Suite("RFC 9535 compliance suite", .enabled(if: ConformanceSuite.bytes != nil, "the suite is not there"))
struct ConformanceTests {
    @Test("is complete")
    func isComplete() throws {
        #expect(try ConformanceSuite.cases().count == 703)
    }

    @Test("every case passes")
    func everyCasePasses() throws {
        for example in try ConformanceSuite.cases() {
            let name = try #require(example["name"]?.string)
            let selector = try #require(example["selector"]?.string)
            if example["invalid_selector"]?.bool == true {
                #expect(throws: JSONPathError.self, "\(name): \(selector)") { try JSONPath(selector) }
                continue
            }
            let path = try JSONPath(selector)
            let document = try #require(example["document"])
            let nodes = try path.nodes(in: document)
            let accepted = example["results"]?.children ?? example["result"].map { [$0] } ?? []
            let acceptedPaths = example["results_paths"]?.children ?? example["result_paths"].map { [$0] } ?? []
            #expect(!accepted.isEmpty && accepted.count == acceptedPaths.count, "\(name)")
            let paths = nodes.map { "$" + $0.normalizedPath.dropFirst(document.normalizedPath.count) }
            let isAccepted = zip(accepted, acceptedPaths).contains { values, places in
                values.count == nodes.count && zip(values.children, nodes).allSatisfy { $0.isEqual(to: $1) }
                    && places.children.compactMap(\.string) == paths
            }
            #expect(isAccepted, "\(name): \(selector) selected \(paths)")
            let first = try path.first(in: document)
            #expect(first?.normalizedPath == nodes.first?.normalizedPath, "\(name)")
            if path.isSingular { #expect(nodes.count <= 1, "\(name)") }
        }
    }
}

/// Where the suite is: `$GATEWAY_CONFORMANCE/jsonpath-cts.json`, or `shared/conformance` beside one of the directories above this file.
enum ConformanceSuite {
    static let bytes: [UInt8]? = candidates.lazy.compactMap { FileManager.default.contents(atPath: $0) }.first.map { [UInt8]($0) }

    static func cases() throws -> [JSONNode] {
        let document = try JSONDocument(parsing: try #require(bytes))
        return try #require(document.root["tests"]).children
    }

    private static var candidates: [String] {
        let name = "jsonpath-cts.json"
        if let directory = ProcessInfo.processInfo.environment["GATEWAY_CONFORMANCE"] { return ["\(directory)/\(name)", directory] }
        var directory = URL(fileURLWithPath: #filePath).resolvingSymlinksInPath()
        var found: [String] = []
        while directory.pathComponents.count > 1 {
            directory.deleteLastPathComponent()
            found.append(directory.appendingPathComponent("shared/conformance/\(name)").path)
        }
        return found
    }
}
