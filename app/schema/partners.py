"""Partners: the outside firms whose people can be added as employees."""

from app import models
from app.engine.declare import ById, Listing, Table, column
from app.policy import Permission as P  # noqa: N817


class Partner(Table, model=models.Partner, see=P.LEAD_SHARE):
    """An outside firm (a call centre) whose people work here as external employees."""

    name = column(P.LEAD_SHARE, "Its name.", filter=True, sort="sort_key")
    archived_at = column(
        P.LEAD_SHARE, "Since when nobody of it is added any more; null while it is used.", filter=True
    )
    created_at = column(P.LEAD_SHARE, "When it was made.")


queries = {
    "partner": ById(guard=P.LEAD_SHARE, description="The partner with this id.", to="Partner"),
    "partners": Listing(
        guard=P.LEAD_SHARE, description="The project's partners.", to="Partner", order=("sort_key",)
    ),
}
