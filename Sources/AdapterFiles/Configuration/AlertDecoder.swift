internal import GatewayCore

/// Reads `alerts`.
enum AlertDecoder {
    static func read(_ map: MappingReader, into settings: inout AlertSettings) {
        map.optional("thresholds")?.mapping { thresholds in
            if let value = thresholds.optional("warning").flatMap(percentage) { settings.warning = value }
            if let value = thresholds.optional("critical").flatMap(percentage) { settings.critical = value }
            if let value = thresholds.optional("emergency").flatMap(percentage) { settings.emergency = value }
            if settings.critical.isLess(than: settings.warning) || settings.emergency.isLess(than: settings.critical) {
                let (warning, critical, emergency) = (settings.warning, settings.critical, settings.emergency)
                thresholds.fail("warning (\(warning)), critical (\(critical)) and emergency (\(emergency)) must not descend")
            }
        }
        var known: Set<Secret> = []
        settings.webhooks =
            map.optional("webhooks")?.list { element in
                guard let webhook = element.mapping(webhook) else { return nil }
                if !known.insert(webhook.url).inserted { element.fail("this webhook's URL is there twice") }
                return webhook
            } ?? settings.webhooks
    }

    private static func percentage(_ value: ValueReader) -> Exact? {
        guard let number = QuantityDecoder.number(value) else { return nil }
        guard Exact.zero.isLess(than: number), !Exact(1000).isLess(than: number) else {
            value.fail("expected per cent of a limit, above 0 and up to 1000, found \(number)")
            return nil
        }
        return number
    }

    private static func webhook(_ map: MappingReader) -> AlertSettings.Webhook? {
        let url = map.required("url")
        let address = url?.interpolated()
        let secret = map.required("secret")?.secret
        let key = secret?.interpolated()
        guard let url, let address, let secret, let key else { return nil }
        // In the sandbox a variable may be missing, and nothing is posted there then.
        guard address.missing.isEmpty, key.missing.isEmpty else { return nil }
        if let problem = WebAddress.problem(address.value, as: .endpoint) {
            url.fail("this is no webhook's URL: \(problem)")
            return nil
        }
        guard !key.value.isEmpty else {
            secret.fail("the secret is empty: nobody could tell who posts")
            return nil
        }
        return AlertSettings.Webhook(url: Secret(address.value), secret: Secret(key.value))
    }
}
