import GatewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// `GET /`: a page for people, and the files that it is made of. They are parts of the executable.
enum Dashboard {
    private static let files: [(path: RouterPath, file: File)] = [
        ("", File(PackageResources.index_html, "text/html; charset=utf-8")),
        ("dashboard/icon.svg", File(PackageResources.icon_svg, "image/svg+xml")),
        ("dashboard/dashboard.css", File(PackageResources.dashboard_css, "text/css; charset=utf-8")),
        ("dashboard/dashboard.js", script(PackageResources.dashboard_js)),
        ("dashboard/alerts.js", script(PackageResources.alerts_js)),
        ("dashboard/budget.js", script(PackageResources.budget_js)),
        ("dashboard/burn.js", script(PackageResources.burn_js)),
        ("dashboard/calls.js", script(PackageResources.calls_js)),
        ("dashboard/gateway.js", script(PackageResources.gateway_js)),
        ("dashboard/money.js", script(PackageResources.money_js)),
        ("dashboard/page.js", script(PackageResources.page_js)),
        ("dashboard/providers.js", script(PackageResources.providers_js)),
        ("dashboard/workspaces.js", script(PackageResources.workspaces_js)),
    ]

    private static func script(_ bytes: [UInt8]) -> File { File(bytes, "text/javascript; charset=utf-8") }

    /// What a page of ours may do: run its own script, and ask the server that it came from. A text never becomes markup.
    private static let policy =
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        + "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

    static func addRoutes<Context: RequestContext>(to router: some RouterMethods<Context>) {
        for (path, file) in files { router.get(path) { request, _ in file.response(to: request) } }
    }

    private struct File: Sendable {
        let bytes: ByteBuffer
        let type: String
        let tag: String

        init(_ bytes: [UInt8], _ type: String) {
            self.bytes = ByteBuffer(bytes: bytes)
            self.type = type
            tag = "\"\(checksum(of: String(decoding: bytes, as: UTF8.self)))\""
        }

        /// Asked for anew each time, and sent only when it is another: a gateway that was replaced has a page that was replaced.
        func response(to request: Request) -> Response {
            var headers = HTTPFields()
            headers[.eTag] = tag
            headers[.cacheControl] = "no-cache"
            headers[.contentSecurityPolicy] = policy
            headers[.xContentTypeOptions] = "nosniff"
            if let name = HTTPField.Name("Referrer-Policy") { headers[name] = "no-referrer" }
            if request.headers[.ifNoneMatch] == tag { return Response(status: .notModified, headers: headers) }
            headers[.contentType] = type
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
        }
    }
}
