import asyncio

import httpx
import pytest

from app.http import graphql
from tests.http.toy import Client, codes

JSON = "application/json"
NEW = "application/graphql-response+json"


async def test_a_query_answers_by_post_and_by_get(client: Client) -> None:
    posted = await client.post("query Q($name: String!) { hello(name: $name) }", variables={"name": "Žofie"})
    got = await client.http.get(
        client.toy.url,
        params={"query": "query Q($n: String!) { hello(name: $n) }", "variables": '{"n": "Jan"}'},
    )

    assert (posted.status_code, posted.json()) == (200, {"data": {"hello": "hello Žofie"}})
    assert (got.status_code, got.json()) == (200, {"data": {"hello": "hello Jan"}})


@pytest.mark.parametrize(
    ("accept", "answered_in"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        (JSON, JSON),
        (NEW, NEW),
        (f"{JSON}, {NEW}", JSON),
        (f"{NEW}, {JSON}", NEW),
        (f"{NEW};q=0.8, {JSON};q=0.9", JSON),
        (f"{NEW};q=0.9, */*;q=0.8", NEW),
        (f"{NEW};q=0, */*", JSON),
        (f"{JSON};q=0, {NEW};q=0.1", NEW),
        (f"{NEW}; charset=utf-8, {JSON}; charset=utf-8", NEW),
        (f"multipart/mixed;deferSpec=20220824, {NEW}, {JSON}", NEW),
        (f"{NEW}, application/graphql+json, {JSON}, text/event-stream, multipart/mixed", NEW),
        ("APPLICATION/JSON", JSON),
    ],
)
async def test_the_answer_is_in_the_media_type_the_client_prefers(
    client: Client, accept: str | None, answered_in: str
) -> None:
    headers = {} if accept is None else {"accept": accept}
    if accept is None:
        del client.http.headers["accept"]

    response = await client.http.post(client.toy.url, json={"query": "{ hello }"}, headers=headers)

    assert response.status_code == 200
    assert response.headers["content-type"] == f"{answered_in}; charset=utf-8"
    assert "accept" in response.headers["vary"].lower()


@pytest.mark.parametrize(
    "accept", ["text/html;q=1", "image/png", f"{JSON};q=0", "text/event-stream", f"{JSON};q=x"]
)
async def test_a_client_that_takes_neither_type_gets_406(client: Client, accept: str) -> None:
    response = await client.post("{ hello }", accept=accept)

    assert response.status_code == 406
    assert codes(response) == ["BAD_REQUEST"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{ hello ", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ helo }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ hello(nane: 1) }", "GRAPHQL_VALIDATION_FAILED"),
        ("query Q($data: ToyImput!) { echo(data: $data) }", "GRAPHQL_VALIDATION_FAILED"),
        ('{ echo(data: {name: "x", cont: 1}) }', "GRAPHQL_VALIDATION_FAILED"),
        ("query A { hello } query B { hello }", "BAD_REQUEST"),
        ("fragment F on Query { hello }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { count }", "BAD_REQUEST"),
        ("query Q($data: ToyInput!) { echo(data: $data) }", "BAD_USER_INPUT"),
    ],
)
async def test_a_request_error_has_a_code_no_data_and_the_status_of_its_media_type(
    client: Client, query: str, code: str
) -> None:
    new, old = await client.post(query, accept=NEW), await client.post(query, accept=JSON)

    assert (new.status_code, old.status_code) == (400, 200)
    assert codes(new) == codes(old) == [code]
    assert "data" not in new.json()
    assert "data" not in old.json()


@pytest.mark.parametrize(
    "variables",
    [
        {"data": {"name": 5}},
        {"data": {"name": "x", "cuont": 2}},
        {"data": {"name": "x", "count": 2**31}},
        {"data": {"name": "x", "count": 1.5}},
        {"data": {"name": None}},
        {"data": [[[]]]},
    ],
)
async def test_a_variable_that_does_not_fit_is_bad_user_input_and_hints_at_nothing(
    client: Client, variables: dict[str, object]
) -> None:
    response = await client.post("query Q($data: ToyInput!) { echo(data: $data) }", variables=variables)

    assert response.status_code == 400
    assert set(codes(response)) == {"BAD_USER_INPUT"}


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_are_405_with_allow(client: Client, method: str) -> None:
    response = await client.http.request(method, client.toy.url)

    assert response.status_code == 405
    assert response.headers["allow"] == "GET, POST"


async def test_a_mutation_by_get_is_405_and_changes_nothing(client: Client) -> None:
    response = await client.http.get(client.toy.url, params={"query": "mutation { write }"})

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert client.toy.done == []


@pytest.mark.parametrize(
    "query_string",
    [
        "",
        "query=",
        "query={hello}&query={hello}",
        "query={hello}&variables=[",
        "query={hello}&variables=5",
        "a=b",
    ],
)
async def test_a_malformed_get_is_refused(client: Client, query_string: str) -> None:
    response = await client.http.get(f"{client.toy.url}?{query_string}", headers={"accept": NEW})

    assert response.status_code == 400
    assert len(codes(response)) == 1


async def test_the_operation_is_chosen_by_name(client: Client) -> None:
    document = 'query A { hello(name: "A") } query B { hello(name: "B") } mutation C { write }'

    chosen = await client.post(document, operationName="B")
    unknown = await client.post(document, operationName="D")
    empty_is_none = await client.post("{ hello }", operationName="")

    assert chosen.json() == {"data": {"hello": "hello B"}}
    assert (unknown.status_code, codes(unknown)) == (400, ["BAD_REQUEST"])
    assert empty_is_none.status_code == 200
    assert client.toy.done == []


async def test_a_subscription_over_post_learns_which_transport_exists(client: Client) -> None:
    response = await client.post("subscription { count }")

    assert "graphql-transport-ws" in response.json()["errors"][0]["message"]


@pytest.mark.parametrize(
    ("field", "code", "status"),
    [
        ("boom", "INTERNAL_SERVER_ERROR", 200),
        ("badInt", "INTERNAL_SERVER_ERROR", 200),
        ("denied", "FORBIDDEN", 200),
        ("lost", "NOT_FOUND", 200),
        ("invalid", "BAD_USER_INPUT", 200),
        ("throttled", "RATE_LIMITED", 429),
        ("unavailable", "SERVICE_UNAVAILABLE", 503),
    ],
)
async def test_an_error_of_a_field_is_coded_and_its_status_counts_only_if_nothing_else_came(
    client: Client, field: str, code: str, status: int
) -> None:
    alone = await client.post(f"{{ {field} }}", accept=NEW)
    in_json = await client.post(f"{{ {field} }}", accept=JSON)
    beside_data = await client.post(f"{{ hello {field} }}", accept=NEW)

    assert (alone.status_code, in_json.status_code, beside_data.status_code) == (status, 200, 200)
    assert codes(alone) == codes(in_json) == codes(beside_data) == [code]
    assert alone.json()["data"] == {field: None}
    assert beside_data.json()["data"] == {"hello": "hello world", field: None}


async def test_what_was_not_foreseen_is_masked_and_logged_under_the_request_id(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    response = await client.post("{ boom denied }")

    request_id = response.headers["x-request-id"]
    logged = [record for record in caplog.records if record.name == "divize.graphql"]
    assert [request_id in record.getMessage() for record in logged] == [True]
    assert logged[0].exc_info
    assert "SELECT secret" in str(logged[0].exc_info[1])


async def test_extensions_say_what_a_machine_needs(client: Client) -> None:
    errors = (await client.post("{ denied lost throttled }")).json()["errors"]

    by_code = {error["extensions"]["code"]: error["extensions"] for error in errors}
    assert by_code["FORBIDDEN"]["requiredPermission"] == "X"
    assert by_code["NOT_FOUND"]["inputPath"] == ["contactId"]
    assert by_code["RATE_LIMITED"]["retryAfterSeconds"] == 17


async def test_a_throttled_client_learns_when_to_come_back(client: Client) -> None:
    response = await client.post("{ throttled }", accept=JSON)

    assert response.headers["retry-after"] == "17"


async def test_the_session_is_found_by_the_bearer_token(client: Client) -> None:
    token = client.toy.sign_in()

    me = await client.post("{ who }", token=token)
    nobody = await client.post("{ who }")

    assert me.json()["data"]["who"] == str(client.toy.sessions[token])
    assert nobody.json()["data"]["who"] == "nobody"


@pytest.mark.parametrize(
    "header", ["Bearer wrong", "Bearer", "Basic dTpw", "token-0", "Bearer a b", "Bearer " + "x" * 600]
)
async def test_a_wrong_token_is_401_and_nothing_is_executed(client: Client, header: str) -> None:
    client.toy.sign_in()
    request = {"query": "mutation { writeMine }"}

    new = await client.http.post(
        client.toy.url, json=request, headers={"accept": NEW, "authorization": header}
    )
    old = await client.http.post(client.toy.url, json=request, headers={"authorization": header})

    assert (new.status_code, old.status_code) == (401, 200)
    assert new.headers["www-authenticate"] == "Bearer"
    assert codes(new) == codes(old) == ["UNAUTHENTICATED"]
    assert client.toy.done == []


async def test_two_authorization_headers_are_refused(client: Client) -> None:
    headers = [("authorization", f"Bearer {client.toy.sign_in()}"), ("authorization", "Bearer other")]
    ask = {"query": "mutation { writeMine }"}
    response = await client.http.post(client.toy.url, json=ask, headers=headers)

    assert codes(response) == ["UNAUTHENTICATED"] and client.toy.done == []


@pytest.mark.parametrize("name", ["token", "access_token", "Authorization", "auth", "apiKey"])
async def test_a_token_in_the_address_is_refused(client: Client, name: str) -> None:
    token = client.toy.sign_in()
    response = await client.http.get(client.toy.url, params={"query": "{ who }", name: token})

    assert response.status_code == 400
    assert codes(response) == ["BAD_REQUEST"]
    assert token not in response.text


async def test_a_request_id_goes_in_and_out_and_a_bad_one_is_replaced(client: Client) -> None:
    good = await client.http.post(
        client.toy.url, json={"query": "{ requestId }"}, headers={"x-request-id": "client-id_42.7"}
    )
    bad = await client.http.post(
        client.toy.url, json={"query": "{ requestId }"}, headers={"x-request-id": "a b; drop"}
    )

    assert good.headers["x-request-id"] == good.json()["data"]["requestId"] == "client-id_42.7"
    assert bad.headers["x-request-id"] == bad.json()["data"]["requestId"] != "a b; drop"


async def test_browsers_are_told_to_sniff_frame_and_cache_nothing(client: Client) -> None:
    headers = (await client.post("{ hello }")).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["cache-control"] == "no-store"


async def test_long_answers_are_compressed_for_who_asks(client: Client) -> None:
    zipped = await client.http.post(
        client.toy.url, json={"query": "{ long }"}, headers={"accept-encoding": "gzip"}
    )
    plain = await client.http.post(
        client.toy.url, json={"query": "{ long }"}, headers={"accept-encoding": "identity"}
    )

    assert zipped.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert zipped.json() == plain.json()
    assert "accept-encoding" in zipped.headers["vary"].lower()


async def test_a_session_that_cannot_be_looked_up_is_a_masked_500(client: Client) -> None:
    client.toy.is_database_down = True

    response = await client.post("{ hello }")

    assert response.status_code == 500
    assert codes(response) == ["INTERNAL_SERVER_ERROR"]
    assert "database" not in response.text


async def test_an_operation_that_takes_too_long_is_given_up(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(graphql, "OPERATION_TIMEOUT_S", 0.05)

    response = await client.post("{ slow }")

    assert response.status_code == 503
    assert codes(response) == ["TIMEOUT"]


async def test_a_browser_is_led_to_the_page(client: Client) -> None:
    response = await client.http.get(client.toy.url, headers={"accept": "text/html,application/xhtml+xml"})

    assert (response.status_code, response.headers["location"]) == (303, "/graphiql")


async def test_twenty_clients_at_once_each_get_their_own_answer(client: Client) -> None:
    responses: list[httpx.Response] = await asyncio.gather(
        *(client.post(f'{{ hello(name: "{number}") }}') for number in range(20))
    )

    assert [response.json()["data"]["hello"] for response in responses] == [f"hello {n}" for n in range(20)]
    assert len({response.headers["x-request-id"] for response in responses}) == 20
