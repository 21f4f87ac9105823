import GatewayCore
import HTTPTypes
import Hummingbird
import JSONPath
import Logging
import Testing

@testable import AdminPlane

/// `/openapi.json` and the routes say the same.
@Suite struct DocumentTests {
    private let root: JSONNode

    init() throws {
        root = try JSONDocument(parsing: APIDocument.bytes).root
    }

    @Test func everyRouteIsInTheDocumentAndTheOtherWayRound() {
        let routes = Routes()
        AdminPlane(listen: SocketAddress(host: "127.0.0.1", port: 0), services: Nobody.services).addRoutes(to: routes)
        Dashboard.addRoutes(to: routes)
        // What the page is made of is its own affair.
        let found = routes.found.filter { !$0.hasPrefix("GET /dashboard/") }
        #expect(found.count > 15)
        let documented = APIDocument.paths.flatMap { path in
            path.queries.keys.map { "\($0) \(path.template)" }
        }
        #expect(found == Set(documented))
        #expect(documented.count == Set(documented).count)
    }

    @Test(
        arguments: [
            ("/v1/keys", "/v1/keys"), ("/v1/keys/", "/v1/keys"), ("/v1/keys/x", "/v1/keys/{id}"), ("//v1//keys", "/v1/keys"),
            ("/v1/keys/x/y", nil), ("/v1", nil), ("/v1/workspaces/a%2Fb/budget", "/v1/workspaces/{id}/budget"), ("/pdl/v5", nil),
            ("/_gateway/budget", nil), ("", "/"), ("/", "/"),
        ] as [(String, String?)])
    func aPathIsFoundAsTheRouterFindsIt(path: String, template: String?) {
        #expect(APIDocument.path(for: path)?.template == template)
    }

    @Test func parametersOfTheQueryAreReadWhereverTheyStand() throws {
        let calls = try #require(APIDocument.path(for: "/v1/calls"))
        #expect(
            Set(calls.queries["GET"] ?? []) == ["workspace", "provider", "operation", "status", "from", "to", "limit", "cursor"])
        #expect(APIDocument.path(for: "/v1/keys/x")?.methods == ["DELETE"])
        #expect(APIDocument.path(for: "/v1/keys")?.methods == ["GET", "HEAD", "POST"])
        #expect(APIDocument.path(for: "/v1/workspaces/x/budget")?.queries["PUT"] == [])
    }

    @Test func whatIsReferredToIsThere() {
        var missing: Set<String> = []
        func look(_ node: JSONNode) {
            if let reference = node["$ref"]?.string {
                let target = reference.split(separator: "/").dropFirst().reduce(Optional(root)) { $0?[String($1)] }
                if target == nil { missing.insert(reference) }
            }
            for child in node.kind == .object ? node.members.map(\.value) : node.children { look(child) }
        }
        look(root)
        #expect(missing.isEmpty)
    }

    /// The codes that callers can be told are those that the gateway has.
    @Test func problemsHaveTheGatewaysCodes() {
        let codes = root["components"]?["schemas"]?["CallProblem"]?["properties"]?["code"]?["enum"]?.children.compactMap(\.string) ?? []
        #expect(Set(codes) == Set(Problem.Code.allCases.map(\.rawValue)))
    }
}

/// Takes note of routes in the place of a router.
private final class Routes: RouterMethods {
    typealias Context = AdminContext

    private(set) var found: Set<String> = []

    func on<Responder: HTTPResponder>(_ path: RouterPath, method: HTTPRequest.Method, responder: Responder) -> Self
    where Responder.Context == AdminContext {
        let segments = path.description.split(separator: "/").map { $0.hasPrefix(":") ? "{\($0.dropFirst())}" : String($0) }
        found.insert("\(method.rawValue) /\(segments.joined(separator: "/"))")
        return self
    }

    func add(middleware: any MiddlewareProtocol<Request, Response, AdminContext>) -> Self { self }
}

/// Parts of a gateway of which nothing is asked.
struct Nobody: KeyAdministration {
    static var services: AdminPlane.Services { services(token: nil) }

    static func services(token: Secret?) -> AdminPlane.Services {
        var configuration = Configuration(plugins: "", ledger: LedgerSettings(engine: .sqlite(path: ""), journal: ""))
        configuration.admin.token = token
        let instant = Timestamp(seconds: 0)
        return AdminPlane.Services(
            generations: CurrentGeneration(Generation(number: 1, configuration: configuration, adapters: [:], loadedAt: instant)),
            metrics: Metrics(), accounts: Accounts(budgets: configuration.budgets, alerts: configuration.alerts),
            health: { fatalError("not asked") }, reload: { _ in .unchanged(generation: 1) },
            spend: { _ throws(LedgerError) in throw away }, keys: Nobody(),
            replay: { _ throws(ReplayError) in fatalError("not asked") }, setBudget: { _, _, _ throws(LedgerError) in throw away },
            ledger: { () throws(LedgerError) in throw away }, feed: CallFeed(), clock: { instant }, logger: Logger(label: "test"))
    }

    private static let away = LedgerError(.unavailable, "away")

    func create(_ wish: KeyWish, from origin: String) async throws(LedgerError) -> (key: CallerKey, secret: Secret) { throw Self.away }
    func revoke(_ id: CallID, from origin: String) async throws(LedgerError) -> CallerKey? { throw Self.away }
    func list(workspace: String?, after id: CallID?, limit: Int) async throws(LedgerError) -> [CallerKey] { throw Self.away }
}
