internal import GatewayCore

/// Reads `quality`: weights that take the place of the standard ones.
enum QualityDecoder {
    static func weights(_ map: MappingReader) -> QualityWeights {
        var weights = QualityWeights.standard
        for entity in RecordEntity.allCases {
            guard let value = map.optional(entity.rawValue) else { continue }
            value.mapping { parts in
                for index in weights[entity].indices {
                    guard let weight = parts.optional(weights[entity][index].part.rawValue).flatMap(weight) else { continue }
                    weights[entity][index].value = weight
                }
            }
            if weights[entity].allSatisfy({ $0.value == 0 }) { value.fail("of nothing but zeros there is no mean: give a part a weight") }
        }
        return weights
    }

    /// In ten-thousandths.
    private static func weight(_ value: ValueReader) -> Int? {
        guard let number = QuantityDecoder.number(value) else { return nil }
        guard let scaled = try? number * Exact(10_000), scaled.denominator == 1, (0...10_000_000).contains(scaled.numerator) else {
            value.fail("expected a weight from 0 to 1000 with at most four fraction digits, found \(number)")
            return nil
        }
        return Int(scaled.numerator)
    }
}
