"""GraphiQL's page: whole, from our own files, under a strict policy."""

import re

import pytest

from app.http.graphiql import FILES
from tests.http.toy import Client

LIBRARIES = (
    "graphiql.min.js",
    "graphiql.min.css",
    "react.production.min.js",
    "react-dom.production.min.js",
    "graphql-ws.min.js",
)


def base(client: Client) -> str:
    return client.toy.url.removesuffix("/graphql")


async def test_the_page_loads_nothing_but_our_own_files_and_all_of_them_exist(client: Client) -> None:
    page = await client.http.get(f"{base(client)}/graphiql")

    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    files = [address for address in loaded if not address.startswith("data:")]
    answers = [await client.http.get(base(client) + address) for address in files]
    assert {address.rpartition("/")[2] for address in files} == {*LIBRARIES, "page.js", "page.css"}
    assert all(address.startswith("/graphiql/static/") for address in files)
    assert [answer.status_code for answer in answers] == [200] * len(files)
    assert all(answer.headers["x-content-type-options"] == "nosniff" for answer in answers)


async def test_no_foreign_and_no_inline_script_may_run(client: Client) -> None:
    page = await client.http.get(f"{base(client)}/graphiql")

    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
    assert "<script>" not in page.text
    assert " on" not in re.sub(r"<noscript>.*?</noscript>", "", page.text, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["graphiql", "react", "react-dom", "graphql-ws"])
def test_every_library_stands_beside_its_licence(name: str) -> None:
    licence = (FILES / "licences" / f"{name}.txt").read_text()

    assert "Permission is hereby granted, free of charge" in licence


def test_our_own_files_name_no_other_host() -> None:
    for name in ("index.html", "page.js", "page.css"):
        assert not re.search(r"(https?:)?//[a-z0-9.-]+\.[a-z]{2,}", (FILES / name).read_text()), name


@pytest.mark.parametrize(
    "path", ["../graphiql.py", "..%2fgraphiql.py", "%2e%2e/%2e%2e/graphiql.py", "nothing.js"]
)
async def test_nothing_outside_the_folder_is_served(client: Client, path: str) -> None:
    response = await client.http.get(f"{base(client)}/graphiql/static/{path}")

    assert response.status_code == 404
