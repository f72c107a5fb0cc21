"""What an operation may cost, worked out before anything is read: how many objects its pages may bring, multiplied down."""

from collections.abc import Mapping

from app.engine.asked import Form
from app.engine.selection import NEEDS, Pages, Rows, rows_below
from app.errors import CostExceeded

MOST_OBJECTS = 10_000
#: A list that is not paged is counted as so many rows: relations that stay small.
LISTED = 10

Forms = Mapping[Pages, tuple[int, Form]]


def objects(below: Rows | Pages, forms: Forms) -> int:
    """How many there may be, for one row or for one connection."""
    if isinstance(below, Pages):
        _, form = forms[below]
        # What is read only to be counted is not answered.
        shown = [rows for leaf in below.shown if leaf.key != NEEDS for rows in rows_below(leaf)]
        return 1 + form.size * sum(objects(rows, forms) for rows in shown)
    return 1 + sum(_below_leaf(leaf.below, is_list=leaf.is_list, forms=forms) for leaf in below.shown)


def _below_leaf(below: Rows | Pages, *, is_list: bool, forms: Forms) -> int:
    return objects(below, forms) * (LISTED if is_list else 1)


def check(many: int) -> None:
    """Raises CostExceeded for more than is answered at once."""
    if many > MOST_OBJECTS:
        raise CostExceeded(
            f"This may bring {many:,} objects at once, and at most {MOST_OBJECTS:,} are answered. "
            "Ask for smaller pages, or for less inside of them."
        )
