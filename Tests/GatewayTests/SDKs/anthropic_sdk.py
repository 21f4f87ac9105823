"""The official anthropic SDK through the gateway."""
import sys

import anthropic

client = anthropic.Anthropic(
    base_url=sys.argv[1] + "/anthropic", api_key="the-callers-own", max_retries=0
)
raw = client.messages.with_raw_response.create(
    model="claude-sonnet-4-5", max_tokens=100, messages=[{"role": "user", "content": "Say hello."}]
)
message = raw.parse()
assert message.content[0].text, message
assert message.usage.output_tokens > 0
assert float(raw.headers["x-gateway-cost"]) > 0, dict(raw.headers)
count = client.messages.count_tokens(model="claude-sonnet-4-5", messages=[{"role": "user", "content": "Say hello."}])
assert count.input_tokens > 0
try:
    client.messages.create(model="no-such-model", max_tokens=5, messages=[{"role": "user", "content": "x"}])
    raise AssertionError("a model without a price was served")
except anthropic.APIStatusError as error:
    assert error.status_code == 422, error
print("ok")
