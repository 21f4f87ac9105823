import JSONPath
import Testing

@testable import GatewayCore

/// A question is read strictly, and everything that is wrong with it is said at once.
@Suite struct EnrichmentQuestionTests {
    private func read(_ text: String, about entity: RecordEntity = .person) throws(EnrichmentQuestion.Refusal) -> EnrichmentQuestion {
        try EnrichmentQuestion(parsing: Array(text.utf8), about: entity)
    }

    @Test func everything() throws {
        let question = try read(
            #"{"match": {"firstName": "Ada", "lastName": "Example", "domain": "https://www.Example.com/about", "linkedinUrl": "https://l.example/in/ada/?x=1"},"#
                + #""want": ["email", "phone", "email"], "minQuality": 80.5, "maxCost": "0.60"}"#)
        #expect(question.match[.fullName] == "Ada Example" && question.match[.companyDomain] == "example.com")
        #expect(question.match[.linkedinSlug] == "ada" && question.match[.linkedinUrl] == "https://l.example/in/ada/?x=1")
        #expect(question.wanted == [.email, .phone])
        #expect(question.minimumQuality.description == "80.5" && question.maximumCost == Money("0.60"))
        let company = try read(#"{"match": {"companyName": "Nike", "website": "http://www.nike.com/de"}}"#, about: .company)
        #expect(
            company.match[.name] == "Nike" && company.match[.domain] == "nike.com" && company.match[.website] == "http://www.nike.com/de")
        #expect(company.wanted == [] && company.minimumQuality == .zero && company.maximumCost == nil)
    }

    @Test(arguments: [
        ("", "the body is no JSON: "), ("[]", "the body is no object such as "), ("{}", "match is missing: it says who is looked for"),
        (#"{"match": {}}"#, "match is an object with at least one field"),
        (#"{"match": "x"}"#, "match is an object with at least one field"),
        (#"{"match": {"emial": "x"}}"#, "unknown field of match 'emial'; did you mean 'email'?"),
        (#"{"match": {"skills": "x"}}"#, "unknown field of match 'skills'; known: linkedinUrl, email, "),
        (#"{"match": {"linkedinSlug": "x"}}"#, "unknown field of match 'linkedinSlug'"),
        (#"{"match": {"website": "x"}}"#, "unknown field of match 'website'"),
        (#"{"match": {"email": ""}}"#, "match.email is a text: a string of 1 to 1024 bytes without control characters"),
        (#"{"match": {"email": " "}}"#, "match.email is a text: "), (#"{"match": {"email": 5}}"#, "match.email is a text: "),
        (#"{"match": {"email": null}}"#, "match.email is a text: "), (#"{"match": {"email": "a\r\nX: y"}}"#, "match.email is a text: "),
        (#"{"match": {"email": "\u0000"}}"#, "match.email is a text: "), (#"{"match": {"email": "\u0085"}}"#, "match.email is a text: "),
        (#"{"match": {"domain": "no host"}}"#, "match.domain is a domain: "),
        (#"{"match": {"domain": "a.example", "companyDomain": "b.example"}}"#, " says companyDomain once more"),
        (#"{"match": {"email": "a"}, "wants": []}"#, "unknown member 'wants'; did you mean 'want'?"),
        (#"{"match": {"email": "a"}, "want": "email"}"#, "want is a list of fields"),
        (#"{"match": {"email": "a"}, "want": [1]}"#, "want is a list of strings"),
        (#"{"match": {"email": "a"}, "want": ["emial"]}"#, "unknown field in want 'emial'; did you mean 'email'?"),
        (#"{"match": {"email": "a"}, "want": ["dataQualityScore"]}"#, "unknown field in want 'dataQualityScore'"),
        (#"{"match": {"email": "a"}, "want": ["revenueRange"]}"#, "unknown field in want 'revenueRange'"),
        (#"{"match": {"email": "a"}, "minQuality": "80"}"#, "minQuality is a number from 0 to 100"),
        (#"{"match": {"email": "a"}, "minQuality": 100.1}"#, "minQuality is a number from 0 to 100"),
        (#"{"match": {"email": "a"}, "minQuality": -1}"#, "minQuality is a number from 0 to 100"),
        (#"{"match": {"email": "a"}, "minQuality": 1e999}"#, "minQuality is a number from 0 to 100"),
        (#"{"match": {"email": "a"}, "maxCost": 0.6}"#, "maxCost is an amount in US dollars as a string"),
        (#"{"match": {"email": "a"}, "maxCost": "-1"}"#, "maxCost is an amount in US dollars as a string"),
        (#"{"match": {"email": "a"}, "maxCost": "1e3"}"#, "maxCost is an amount in US dollars as a string"),
        (#"{"match": {"email": "a"}, "maxCost": "0.60", "maxCost": "9"}"#, "a member stands there twice"),
        (#"{"match": {"email": "a", "email": "b"}}"#, "a member stands there twice"),
    ])
    func whatIsWrongIsSaid(text: String, problem: String) {
        do throws(EnrichmentQuestion.Refusal) {
            _ = try read(text)
            Issue.record("it is no question: \(text)")
        } catch {
            #expect(error.problems.count == 1 && error.problems[0].contains(problem), "\(error.problems)")
        }
    }

    @Test func allProblemsComeAtOnce() {
        #expect(throws: EnrichmentQuestion.Refusal.self) {
            try read(#"{"match": {"x": 1}, "want": [1, "y"], "minQuality": 101, "maxCost": 1}"#)
        }
        do throws(EnrichmentQuestion.Refusal) {
            _ = try read(#"{"match": {"x": 1}, "want": [1, "y"], "minQuality": 101, "maxCost": 1}"#)
        } catch {
            #expect(error.problems.count == 5, "\(error.problems)")
        }
    }

    /// A hostile question has something wrong in every few bytes.
    @Test(arguments: [
        (#"{"match": {"email": "a"}, "want": ["#, #""NAME""#, "]}"), (#"{"match": {"email": "a"}, "#, #""NAME": 1"#, "}"),
        (#"{"match": {"#, #""NAME": 1"#, "}}"),
    ])
    func ofVeryManyProblemsTheFirstCome(start: String, problem: String, end: String) {
        let wrong = (0..<5000).map { problem.replacing("NAME", with: "x\($0)") }
        do throws(EnrichmentQuestion.Refusal) {
            _ = try read(start + wrong.joined(separator: ", ") + end)
            Issue.record("it is refused")
        } catch {
            #expect(error.problems.count == 20)
        }
    }

    // MARK: Templates

    private let hostile = ["../..", "..", "a/b", "{email}", "\"},{\"", "a&b=c#d", "%2e%2e", "ü €", "a?b", "\\u0022"]

    @Test func noValueLeavesItsPlace() throws {
        let template = RequestTemplate(
            method: "POST", path: try TextTemplate("/v1/{email}/x", for: .person),
            query: [("q", try TextTemplate("<{email}>", for: .person))],
            headers: [("X-Mail", try TextTemplate("{email}", for: .person))],
            body: .object([("a", .array([.text(try TextTemplate("{email}!", for: .person)), .constant(5)]))]))
        for value in hostile {
            let request = try #require(template.request(for: EntityMatch([.email: value], of: .person)))
            let segments = request.path.split(separator: "/", omittingEmptySubsequences: false)
            #expect(segments.count == 4 && !request.path.contains("?") && !request.path.contains("#"))
            #expect(PercentCoding.decoded(segments[2]) == value)
            let query = try #require(request.target.split(separator: "?").last)
            #expect(request.target.split(separator: "?").count == 2 && !query.contains("&") && !query.contains("#"))
            #expect(PercentCoding.decoded(query, isQuery: true) == "q=<\(value)>")
            #expect(request.headers.all("x-mail") == [value])
            let body = try JSONDocument(parsing: try #require(request.body)).root
            #expect(body["a"]?[0]?.string == value + "!" && body["a"]?.count == 2 && body.count == 1)
        }
    }

    @Test func whatHasNoValueIsLeftOutButForThePath() throws {
        func text(_ text: String) throws -> TextTemplate { try TextTemplate(text, for: .person) }
        let template = RequestTemplate(
            method: "POST", path: try text("/v1/find"),
            query: [("a", try text("{email}")), ("b", try text("{phone}")), ("c", try text("c"))],
            headers: [("X-A", try text("{phone}"))],
            body: .object([
                ("x", .text(try text("{phone} {email}"))), ("y", .array([.text(try text("{phone}")), .text(try text("{email}"))])),
                ("z", .object([("w", .text(try text("{phone}")))])),
            ]))
        let request = try #require(template.request(for: EntityMatch([.email: "a"], of: .person)))
        #expect(request.target == "/v1/find?a=a&c=c" && request.headers.count == 1)
        #expect(request.headers.all("content-type") == ["application/json"])
        #expect(request.body.map { String(decoding: $0, as: UTF8.self) } == #"{"y":["a"],"z":{}}"#)
        let byPath = RequestTemplate(method: "GET", path: try text("/v1/{phone}"))
        #expect(byPath.request(for: EntityMatch([.email: "a"], of: .person)) == nil)
    }

    @Test(arguments: [
        ("{emial}", "unknown placeholder '{emial}'; did you mean 'email'?"), ("{email", "'{' without '}'"),
        ("{}", "unknown placeholder '{}'"),
        ("{ email }", "unknown placeholder '{ email }'"), ("{website}", "unknown placeholder '{website}'"),
    ])
    func aTemplateSaysWhatIsWrongWithIt(text: String, problem: String) {
        do throws(TextTemplate.TemplateError) {
            _ = try TextTemplate(text, for: .person)
            Issue.record("it is no template: \(text)")
        } catch {
            #expect(error.description.hasPrefix(problem), "\(error)")
        }
    }

    @Test(
        arguments: zip(
            [
                "https://www.linkedin.com/in/ada-example", "linkedin.com/in/ada/", "https://x.example", "ada", "l.example/in/%C3%BC?a/b",
                "https://l.example//",
            ],
            ["ada-example", "ada", nil, nil, "ü", nil]))
    func theSlugIsTheLastSegment(url: String, slug: String?) {
        #expect(EntityMatch([.linkedinUrl: url], of: .person)[.linkedinSlug] == slug)
    }
}
