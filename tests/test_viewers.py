"""Shapes of viewers: what is shared between viewers, and what is put in for each."""

from collections.abc import Iterable
from uuid import UUID

from app.ids import uuid7
from app.policy import AccountViewer, Member, Role, Viewer, grants_of
from app.viewers import facts_of


def member(*roles: Role, divisions: Iterable[UUID] | None = None, partner_id: UUID | None = None) -> Member:
    return Member(
        account_id=uuid7(),
        session_id=uuid7(),
        employee_id=uuid7(),
        project_id=uuid7(),
        roles=frozenset(roles),
        grants=grants_of(roles, external=partner_id is not None),
        division_ids=None if divisions is None else frozenset(divisions),
        partner_id=partner_id,
    )


def test_viewers_who_differ_in_their_ids_only_have_one_shape() -> None:
    one = member(Role.SALES_REP, divisions=[uuid7(), uuid7()])
    other = member(Role.SALES_REP, divisions=[uuid7(), uuid7()])

    assert facts_of(one).shape is facts_of(other).shape
    assert facts_of(one).values != facts_of(other).values


def test_what_a_predicate_may_look_at_makes_another_shape() -> None:
    viewers = [
        Viewer(),
        AccountViewer(account_id=uuid7(), session_id=uuid7()),
        member(Role.SALES_REP),
        member(Role.DIRECTOR),
        member(Role.SALES_REP, divisions=[]),
        member(Role.SALES_REP, divisions=[uuid7()]),
        member(Role.SALES_REP, divisions=[uuid7(), uuid7()]),
        member(Role.SALES_REP, partner_id=uuid7()),
    ]

    assert len({id(facts_of(viewer).shape) for viewer in viewers}) == len(viewers)


def test_a_shape_is_the_viewer_but_for_his_ids() -> None:
    divisions = [uuid7(), uuid7(), uuid7()]
    viewer = member(Role.SALES_REP, Role.INVOICER, divisions=divisions, partner_id=uuid7())
    facts = facts_of(viewer)
    shape, stands_for = (
        facts.shape.viewer,
        {marker: facts.values[place] for marker, place in facts.shape.places.items()},
    )

    assert isinstance(shape, Member) and shape.division_ids is not None and shape.partner_id is not None
    assert (shape.roles, shape.grants, shape.is_external) == (viewer.roles, viewer.grants, True)
    assert stands_for[shape.account_id] == viewer.account_id
    assert stands_for[shape.session_id] == viewer.session_id
    assert stands_for[shape.employee_id] == viewer.employee_id
    assert stands_for[shape.project_id] == viewer.project_id
    assert stands_for[shape.partner_id] == viewer.partner_id
    assert {stands_for[each] for each in shape.division_ids} == set(divisions)
    assert len(stands_for) == len(set(stands_for.values())) == 8


def test_the_ids_are_plain_ones_whichever_driver_read_them() -> None:
    class TheDriversOwn(UUID):
        """As asyncpg has one: it equals a plain one."""

    id_ = uuid7()
    values = facts_of(AccountViewer(TheDriversOwn(str(id_)), TheDriversOwn(str(uuid7())))).values

    assert values[0] == id_ and {type(each) for each in values} == {UUID}
