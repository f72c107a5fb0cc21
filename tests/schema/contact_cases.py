"""Documents and looks at the database that the tests of contacts, persons and activities share."""

from typing import Any

from app.models import Activity, AuditEntry, Contact, Email, Person, Reminder, ReminderEvent
from app.models.base import Table

FAULTS = "errors { message code path }"
FIELDS = """id name ico vatId status email phone web address { street city postalCode country } version createdAt updatedAt
  division { id } owner { id } createdBy { id } persons { name position email phone }
  bankAccount creditLimit { amount currency } priceLevel internalRating viewerCan { update delete }"""
BASIC = "id name ico status email phone web address { city } version updatedAt division { id } owner { id }"

CREATE = f"""mutation ($input: ContactCreateInput!) {{ contactCreate(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""
CREATE_BASIC = f"""mutation ($input: ContactCreateInput!) {{ contactCreate(input: $input) {{
  contact {{ {BASIC} }} {FAULTS} }} }}"""
UPDATE = f"""mutation ($input: ContactUpdateInput!) {{ contactUpdate(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""
UPDATE_BASIC = f"""mutation ($input: ContactUpdateInput!) {{ contactUpdate(input: $input) {{
  contact {{ {BASIC} }} {FAULTS} }} }}"""
DELETE = f"mutation ($input: ContactDeleteInput!) {{ contactDelete(input: $input) {{ deletedContactId {FAULTS} }} }}"
ADD_PERSON = f"""mutation ($input: PersonCreateInput!) {{ personCreate(input: $input) {{
  person {{ id name position email phone version contact {{ id }} }} {FAULTS} }} }}"""
UPDATE_PERSON = f"""mutation ($input: PersonUpdateInput!) {{ personUpdate(input: $input) {{
  person {{ id name position email phone version }} {FAULTS} }} }}"""
DELETE_PERSON = (
    f"mutation ($input: PersonDeleteInput!) {{ personDelete(input: $input) {{ deletedPersonId {FAULTS} }} }}"
)
RECORD = f"""mutation ($input: ActivityRecordInput!) {{ activityRecord(input: $input) {{
  activity {{ id kind area summary detail occurredAt createdAt author {{ id }} contact {{ id }} }} {FAULTS} }} }}"""
ONE = f"query ($id: ID!) {{ contact(id: $id) {{ {BASIC} }} node(id: $id) {{ id __typename }} }}"
NAMES = """query ($search: String, $where: ContactWhere, $orderBy: [ContactOrderBy!], $first: Int) {
  contacts(search: $search, where: $where, orderBy: $orderBy, first: $first) { totalCount nodes { name } } }"""
WHOLE = """query ($id: ID!) { contact(id: $id) {
  name division { id } owner { id name } persons { name }
  activities { totalCount nodes { summary author { id } } } reminders { totalCount nodes { title } }
  emails { totalCount nodes { subject } } } }"""

LONG = "ž" * 10_000
NOT_ON_ONE_LINE = [
    "dva\nřádky",
    "tab\there",
    "nul\x00",
    "čára\u2028dál",
    "odstavec\u2029dál",
    "zpět\u202e",
    "\x1b[0m",
]
WATCHED: tuple[type[Table], ...] = (Contact, Person, Activity, Reminder, ReminderEvent, Email, AuditEntry)


async def everything() -> Any:
    """All rows that a refused mutation must leave alone, audit entries included."""
    return [await model.all().order_by("id").values() for model in WATCHED]


def names(answer: Any, root: str = "contacts") -> list[str]:
    """The names of a page, in its order."""
    assert answer.errors == [], answer.errors
    return [row["name"] for row in answer.data[root]["nodes"]]
