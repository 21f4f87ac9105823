import GatewayCore
import JSONPath

/// `/openapi.json`: both planes in OpenAPI 3.1. It is written by hand and held against the routes: what it does not name is refused.
enum APIDocument {
    static let bytes = PackageResources.openapi_json

    /// A path of the admin plane.
    struct Path: Sendable, Hashable {
        /// `/v1/workspaces/{id}/budget`.
        var template: String
        /// The names of the parameters in the query, by method in upper case.
        var queries: [String: [String]]

        /// The methods that there are; where there is a GET, there is a HEAD.
        var methods: [String] {
            (queries["GET"] == nil ? [] : ["GET", "HEAD"]) + queries.keys.filter { $0 != "GET" }.sorted()
        }

        fileprivate func matches(_ segments: [Substring]) -> Bool {
            let parts = template.split(separator: "/")
            return parts.count == segments.count && zip(parts, segments).allSatisfy { $0.hasPrefix("{") || $0 == $1 }
        }
    }

    /// Those of the admin plane: the data plane's name their servers.
    static let paths: [Path] = {
        guard let root = (try? JSONDocument(parsing: bytes))?.root, let paths = root["paths"] else {
            preconditionFailure("openapi.json, a part of this program, is no JSON")
        }
        return paths.members.filter { $0.value["servers"] == nil }.map { template, item in
            let methods = item.members.filter { $0.value["responses"] != nil }.map { method, operation in
                (method.uppercased(), (operation["parameters"]?.children ?? []).compactMap { queryName($0, in: root) })
            }
            return Path(template: template, queries: Dictionary(methods) { first, _ in first })
        }
    }()

    /// The path that serves a request's.
    static func path(for path: String) -> Path? {
        let segments = path.split(separator: "/")
        return paths.first { $0.matches(segments) }
    }

    /// A parameter's name if it is one of the query's; it may stand among the components.
    private static func queryName(_ parameter: JSONNode, in root: JSONNode) -> String? {
        var parameter = parameter
        if let reference = parameter["$ref"]?.string?.split(separator: "/").last {
            guard let component = root["components"]?["parameters"]?[String(reference)] else { return nil }
            parameter = component
        }
        return parameter["in"]?.string == "query" ? parameter["name"]?.string : nil
    }
}
