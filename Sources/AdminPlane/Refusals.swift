import GatewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NIOHTTP1

/// Makes every error a problem of RFC 9457, those of the framework included.
struct Problems: RouterMiddleware {
    let logger: Logger

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let response = try await answer(to: request, context, next)
        // The router knows HEAD only where there is a GET.
        return request.method == .head ? response.createHeadResponse() : response
    }

    private func answer(
        to request: Request, _ context: AdminContext, _ next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        let answer: AdminAnswer
        do {
            return try await next(request, context)
        } catch let refusal as Refusal {
            answer = refusal.answer
        } catch let error as any HTTPResponseError {
            let what = error.status == .notFound ? "There is nothing here; /openapi.json says what there is." : "\(error)"
            answer = AdminAnswer(problem: error.status.code, error.status.reasonPhrase, what)
        } catch  where error is CancellationError || error is HTTPParserError {
            // Nobody is there to read an answer, or the framework has one.
            throw error
        } catch {
            logger.error("a request to the admin plane failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            answer = AdminAnswer(problem: 500, "Internal error", "This is a defect of the gateway; its log says more.")
        }
        return try answer.response(from: request, context: context)
    }
}

/// Refuses what a web page of elsewhere makes an operator's browser send, where no token keeps it out.
struct PageCheck: RouterMiddleware {
    let generations: CurrentGeneration

    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard
            generations.generation.configuration.admin.token != nil
                || LoopbackRequest.isOwn(host: request.head.authority, origin: request.headers[.origin])
        else {
            throw Refusal(
                403, "Not allowed",
                "Without admin.token only this machine is answered, as localhost or by a loopback address, and no other page's request.")
        }
        return try await next(request, context)
    }
}

/// Refuses what the document does not name: a method that a path has not, a parameter that a question has not.
struct DocumentCheck: RouterMiddleware {
    func handle(
        _ request: Request, context: AdminContext, next: (Request, AdminContext) async throws -> Response
    ) async throws -> Response {
        guard let path = APIDocument.path(for: request.uri.path) else { return try await next(request, context) }
        guard path.methods.contains(request.method.rawValue) else {
            let methods = path.methods.joined(separator: ", ")
            var response = try AdminAnswer(problem: 405, "Method not allowed", "This path has \(methods).")
                .response(from: request, context: context)
            response.headers[.allow] = methods
            return response
        }
        let known = path.queries[request.method == .head ? "GET" : request.method.rawValue] ?? []
        if let name = try QueryParameters(request).names.first(where: { !known.contains($0) }) {
            let advice =
                nearest(to: name, among: known).map { "did you mean '\($0)'?" }
                ?? (known.isEmpty ? "there are none." : "there are \(known.joined(separator: ", ")).")
            throw Refusal(400, "Bad request", "There is no parameter '\(name)'; \(advice)")
        }
        return try await next(request, context)
    }
}

/// Gives the framework's answer to what is no HTTP, which has no body, the body that every other error has.
final class MalformedRequestAnswer: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .head(var head) = unwrapOutboundIn(data), head.status == .badRequest, !head.headers.contains(name: "Content-Type"),
            head.headers.first(name: "Content-Length") == "0"
        else { return context.write(data, promise: promise) }
        let answer = AdminAnswer(problem: 400, "Bad request", "This is no request of HTTP/1.1.")
        head.headers.replaceOrAdd(name: "Content-Type", value: answer.type)
        head.headers.replaceOrAdd(name: "Content-Length", value: String(answer.body.count))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: promise)
    }

    /// Puts one before the encoder, where the framework's own handlers are not to be had.
    final class Installation: ChannelInboundHandler, RemovableChannelHandler, Sendable {
        typealias InboundIn = NIOAny

        func handlerAdded(context: ChannelHandlerContext) {
            let pipeline = context.pipeline.syncOperations
            do {
                let encoder = try pipeline.handler(type: HTTPResponseEncoder.self)
                try pipeline.addHandler(MalformedRequestAnswer(), position: .after(encoder))
            } catch {
                context.fireErrorCaught(error)
            }
        }
    }
}
