"""What cannot be asked of rows that a resolver's value holds is told at their field: the resolver ran already."""

from app.models import Contact
from app.policy import Role
from tests.graphql import as_role

CREATE = """mutation ($input: ContactCreateInput!) { contactCreate(input: $input) {
  contact { name activities(first: 0) { totalCount } } errors { message } } }"""
VIEWER = "{ viewer { sessions { project { divisions(first: 0) { totalCount } } } } projects { totalCount } }"


async def test_a_mutation_that_was_done_is_not_answered_as_if_it_had_been_refused() -> None:
    answer = await as_role(Role.SALES_REP).run(CREATE, input={"name": "Nová"})

    assert await Contact.all().count() == 1
    assert answer.data == {"contactCreate": {"contact": None, "errors": []}}
    assert answer.codes == ["BAD_USER_INPUT"] and answer.errors[0]["path"] == ["contactCreate", "contact"]


async def test_the_other_root_fields_are_answered() -> None:
    answer = await as_role(Role.SALES_REP).run(VIEWER)

    assert answer.data == {"viewer": None, "projects": {"totalCount": 1}}
    assert answer.codes == ["BAD_USER_INPUT"] and answer.errors[0]["path"] == ["viewer", "sessions"]
