"""GraphiQL at `/graphiql`, from our own files: it opens without a network, and no foreign script runs in it."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

FILES = Path(__file__).parent / "static" / "graphiql"

# Inline styles are CodeMirror's and Radix's; fonts and images lie in the style sheet as data.
PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
        "font-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-cache",
}


def graphiql_routes() -> list[BaseRoute]:
    """The page and its files. It speaks to `/graphql` of the same origin."""
    return [
        Route("/graphiql", page),
        Mount("/graphiql/static", StaticFiles(directory=FILES)),
    ]


async def page(_: Request) -> Response:
    return FileResponse(FILES / "index.html", headers=PAGE_HEADERS)
