import CCurl
import GatewayCore
import HTTP1

/// A curl easy handle with what its callbacks need. It serves one call after another; options that stay the same for a route are set once.
///
/// It belongs to one loop and its thread. The loop keeps it alive for as long as curl may call back.
final class Transfer {
    /// How the request's body is handed to curl. curl keeps these options from one request to the next.
    private enum Mode {
        case none, head
        /// In one piece together with the head: one system call.
        case whole
        /// Through the read callback.
        case streamed
    }

    let easy: UnsafeMutableRawPointer
    /// The loop owns its transfers and outlives them.
    unowned(unsafe) let loop: CurlLoop
    var call: CurlCall?

    // The response.
    var head = ResponseHeadReader(method: "", maximumBytes: 0)
    /// The response is read and dropped: the call is to be tried again.
    var isSwallowing = false
    var swallowed = 0
    /// Why a callback made curl stop.
    var fault: String?
    /// The connection that curl picked speaks HTTP/2.
    var speaksHTTP2 = false
    /// The connection that curl picked must not be used.
    var isSpoilt = false
    /// The request went out, or began to.
    var isRequestOut = false
    var isSendPaused = false
    var isReceivePaused = false

    private let text = RequestText()
    private let errorText: UnsafeMutablePointer<CChar>
    private let body: UnsafeMutableRawPointer
    private var route: UpstreamRoute?
    private var prefix: [UInt8] = []
    private var mode: Mode?
    private var method = ""
    private var firstRefusal: CURLcode = CURLE_OK

    /// Larger bodies than this, bytes, are not copied for curl but read from where they are.
    static let wholeBodyLimit = 64 * 1024

    /// Nil when there is no memory left.
    init?(loop: CurlLoop) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.loop = loop
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        body = .allocate(byteCount: Self.wholeBodyLimit, alignment: 16)
    }

    deinit {
        curl_easy_cleanup(easy)
        errorText.deallocate()
        body.deallocate()
    }

    /// What curl says about the last failure.
    var explanation: String { String(cString: errorText) }

    /// Makes the handle ready for a call; says what is wrong with the request, or nil.
    func prepare(_ call: CurlCall) -> String? {
        let request = call.request
        if !isConfigured(for: request.route) {
            route = nil
            if let refusal = configure(request.route) { return refusal }
        }
        guard isToken(request.method.utf8) else { return "the request's method is not a token" }
        let wanted = mode(of: request)
        let refused = text.fill(
            prefix: prefix, target: request.target, headers: request.headers, hasBody: wanted == .whole || wanted == .streamed,
            hasProxy: request.route.proxy != nil)
        if let refused { return refused }
        self.call = call
        head = ResponseHeadReader(method: request.method, maximumBytes: loop.settings.maximumHeadBytes)
        (isSwallowing, swallowed, fault, speaksHTTP2, isSpoilt) = (false, 0, nil, false, false)
        (isRequestOut, isSendPaused, isReceivePaused) = (false, false, false)
        errorText.pointee = 0
        firstRefusal = CURLE_OK
        set(CURLOPT_REQUEST_TARGET, text.target)
        set(CURLOPT_HTTPHEADER, text.list)
        set(wanted, request)
        return refusal()
    }

    private func mode(of request: UpstreamRequest) -> Mode {
        switch request.body {
        case .bytes(let bytes) where bytes.count > Self.wholeBodyLimit: .streamed
        case .bytes(let bytes) where !bytes.isEmpty: .whole
        case .stream(let length) where length != 0: .streamed
        default:
            switch request.method {
            // A body is expected of these methods: its absence is said with `Content-Length: 0`.
            case "POST", "PUT", "PATCH": .whole
            case "HEAD": .head
            default: .none
            }
        }
    }

    private func set(_ wanted: Mode, _ request: UpstreamRequest) {
        switch (wanted, request.body) {
        case (.streamed, .stream(let length)): setStream(length: length ?? -1)
        case (.streamed, .bytes(let bytes)): setStream(length: Int64(bytes.count))
        case (.whole, .bytes(let bytes)):
            bytes.withUnsafeBytes { if let base = $0.baseAddress { body.copyMemory(from: base, byteCount: $0.count) } }
            setWhole(count: bytes.count)
        case (.whole, _): setWhole(count: 0)
        default: break
        }
        if wanted != mode {
            mode = wanted
            switch wanted {
            case .none: set(CURLOPT_HTTPGET, 1)
            case .head: set(CURLOPT_NOBODY, 1)
            case .whole, .streamed: set(CURLOPT_POST, 1)
            }
        }
        if method != request.method {
            method = request.method
            set(CURLOPT_CUSTOMREQUEST, method)
        }
    }

    private func setWhole(count: Int) {
        setOffset(CURLOPT_POSTFIELDSIZE_LARGE, Int64(count))
        set(CURLOPT_POSTFIELDS, UnsafeRawPointer(body))
        // Setting the fields makes curl forget other modes.
        if mode != .whole { mode = nil }
    }

    private func setStream(length: Int64) {
        set(CURLOPT_POSTFIELDS, nil as UnsafeRawPointer?)
        setOffset(CURLOPT_POSTFIELDSIZE_LARGE, length)
        if mode != .streamed { mode = nil }
    }

    // MARK: The route's options

    private func isConfigured(for other: UpstreamRoute) -> Bool {
        guard let route else { return false }
        return route.baseURL == other.baseURL && route.connectTimeout == other.connectTimeout && route.http2 == other.http2
            && route.proxy == other.proxy && route.certificateAuthorities == other.certificateAuthorities
    }

    private func configure(_ route: UpstreamRoute) -> String? {
        guard let address = ProviderAddress(route.baseURL) else { return ProviderAddress.refusal }
        let isTLS = address.isTLS
        // To a proxy that forwards, the target is the whole URL.
        prefix = Array(route.proxy != nil && !isTLS ? route.baseURL.utf8[...] : address.path.utf8[...])
        curl_easy_reset(easy)
        (mode, method, firstRefusal) = (nil, "", CURLE_OK)

        set(CURLOPT_URL, route.baseURL)
        set(CURLOPT_PROTOCOLS_STR, isTLS ? "https" : "http")
        set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1)
        set(CURLOPT_PATH_AS_IS, 1)
        set(CURLOPT_FOLLOWLOCATION, 0)
        set(CURLOPT_NOSIGNAL, 1)
        // A cancelled call must not wait for a name to be resolved.
        set(CURLOPT_QUICK_EXIT, 1)
        set(CURLOPT_HTTP_CONTENT_DECODING, 0)
        set(CURLOPT_TCP_KEEPALIVE, 1)
        // Most servers keep an idle connection for a minute or more: one that is as old may be closed while a request is on its way.
        set(CURLOPT_MAXAGE_CONN, 50)
        set(CURLOPT_BUFFERSIZE, loop.settings.bufferSize)
        set(CURLOPT_CONNECTTIMEOUT_MS, max(1, min(route.connectTimeout, 86_400_000)))
        // A stream of libcurl's HTTP/2 has a fixed window of some 32 MiB (10 MiB from 8.10), out of an application's reach: a receiver that
        // lags costs that much memory before the provider is slowed down. Hence only where asked for. And an answer that comes before the
        // request's body was read may be lost to libcurl 7.88: the call fails as `.broken`.
        set(CURLOPT_HTTP_VERSION, Int(route.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1))
        if route.http2 { set(CURLOPT_PIPEWAIT, 1) }

        set(CURLOPT_SSL_VERIFYPEER, 1)
        set(CURLOPT_SSL_VERIFYHOST, 2)
        if let file = route.certificateAuthorities {
            set(CURLOPT_CAINFO, file)
            // Instead of the system's store, not besides it.
            set(CURLOPT_CAPATH, nil as UnsafeRawPointer?)
        }

        // Set even where there is none, lest the environment's variables decide.
        set(CURLOPT_PROXY, route.proxy?.reveal() ?? "")
        set(CURLOPT_NOPROXY, "")
        set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        // The provider's credentials are not for the proxy's CONNECT.
        set(CURLOPT_HEADEROPT, Int(CURLHEADER_SEPARATE))

        set(CURLOPT_ERRORBUFFER, UnsafeRawPointer(errorText))
        setCallbacks()
        self.route = route
        return refusal()
    }

    private func setCallbacks() {
        let context = UnsafeRawPointer(Unmanaged.passUnretained(self).toOpaque())
        set(CURLOPT_PRIVATE, context)
        note(ccurl_set_write(easy, CURLOPT_HEADERFUNCTION, headerCallback))
        set(CURLOPT_HEADERDATA, context)
        note(ccurl_set_write(easy, CURLOPT_WRITEFUNCTION, writeCallback))
        set(CURLOPT_WRITEDATA, context)
        note(ccurl_set_read(easy, readCallback))
        set(CURLOPT_READDATA, context)
        note(ccurl_set_seek(easy, seekCallback))
        set(CURLOPT_SEEKDATA, context)
        note(ccurl_set_prereq(easy, requestCallback))
        set(CURLOPT_PREREQDATA, context)
        // A connection outlives the transfer that opened it: these two are given the loop.
        let owner = UnsafeRawPointer(Unmanaged.passUnretained(loop).toOpaque())
        note(ccurl_set_sockopt(easy, socketOpenedCallback))
        set(CURLOPT_SOCKOPTDATA, owner)
        note(ccurl_set_closesocket(easy, socketClosedCallback))
        set(CURLOPT_CLOSESOCKETDATA, owner)
    }

    // MARK: Setters

    private func set(_ option: CURLoption, _ value: Int) { note(ccurl_set_long(easy, option, value)) }
    private func setOffset(_ option: CURLoption, _ value: Int64) { note(ccurl_set_offset(easy, option, curl_off_t(value))) }
    private func set(_ option: CURLoption, _ value: UnsafeRawPointer?) { note(ccurl_set_pointer(easy, option, value)) }
    private func set(_ option: CURLoption, _ value: String) { value.withCString { note(ccurl_set_pointer(easy, option, $0)) } }

    private func note(_ code: CURLcode) {
        if code != CURLE_OK, firstRefusal == CURLE_OK { firstRefusal = code }
    }

    private func refusal() -> String? {
        firstRefusal == CURLE_OK ? nil : "libcurl refuses an option: \(String(cString: curl_easy_strerror(firstRefusal)))"
    }
}
