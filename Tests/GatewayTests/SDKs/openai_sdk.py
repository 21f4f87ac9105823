"""The official openai SDK through the gateway: answers parse, costs arrive, errors are the SDK's own."""
import sys

import openai

client = openai.OpenAI(
    base_url=sys.argv[1] + "/openai/v1", api_key="sk-the-callers-own", max_retries=0
)
chat = client.chat.completions.with_raw_response.create(
    model="gpt-4o-mini", messages=[{"role": "user", "content": "Say hello."}], max_tokens=50
)
completion = chat.parse()
assert completion.choices[0].message.content, completion
assert completion.usage.total_tokens > 0
assert float(chat.headers["x-gateway-cost"]) > 0, dict(chat.headers)
assert chat.headers["x-gateway-cost-basis"] == "table"
assert chat.headers["x-gateway-operation"].startswith("chat"), chat.headers["x-gateway-operation"]

response = client.responses.create(model="gpt-5-mini", input="Say hello.", max_output_tokens=100)
assert response.output_text, response

embedding = client.embeddings.create(model="text-embedding-3-small", input="hello")
assert len(embedding.data[0].embedding) > 0

try:
    client.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "x"}], max_tokens=5)
    raise AssertionError("a model without a price was served")
except openai.UnprocessableEntityError as error:
    assert error.body["code"] == "unpriced", error.body

try:
    client.with_options(default_headers={"X-Gateway-Max-Cost": "0.00000001"}).chat.completions.create(
        model="gpt-4o-mini", messages=[{"role": "user", "content": "x"}], max_tokens=50
    )
    raise AssertionError("a call above its limit was served")
except openai.APIStatusError as error:
    assert error.status_code == 402 and error.body["code"] == "max_cost_exceeded", error.body
print("ok")
