"""The official peopledatalabs SDK through the gateway. It puts its key into the query of a GET and into a header of a POST."""
import sys

from peopledatalabs import PDLPY

client = PDLPY(api_key="the-callers-own", base_path=sys.argv[1] + "/pdl/v5")

found = client.person.enrichment(email="ada@example.com")
assert found.status_code == 200, found.text
assert found.json()["data"]["full_name"] == "ada example", found.text
assert found.headers["X-Gateway-Cost"] == "0.28", dict(found.headers)

many = client.person.bulk(requests=[{"params": {"email": "ada@example.com"}}, {"params": {"email": "grace@example.com"}}])
assert many.status_code == 200, many.text
assert many.headers["X-Gateway-Operation"] == "bulk_enrich_people"
assert float(many.headers["X-Gateway-Cost"]) > 0

company = client.company.enrichment(website="example.com")
assert company.status_code == 200, company.text
print("ok")
