"""Several at the same moment: every outcome is one that they could have had one after another, and none is a fault.

On PostgreSQL each is inside his transaction, and knows who he is there, before anybody goes on (`play.Meeting`). What
must hold is checked after each race; here stands besides what exactly may come of it.
"""

import pytest

from tests.proof.invariants import oracle
from tests.proof.invariants.picture import Row
from tests.proof.invariants.play import Change, play, together
from tests.proof.invariants.stage import Stage
from tests.proof.invariants.steps import Step
from tests.proof.invariants.watch import Watch
from tests.proof.invariants.words import Mailed, Password, RowOf

AGAIN = 20
#: What may be told to whoever came second.
TOO_LATE = {
    "FORBIDDEN",
    "UNAUTHENTICATED",
    "NOT_FOUND",
    "CONFLICT",
    "LAST_ADMIN",
    "EXPIRED",
    "WRONG_STATE",
    "STALE_VERSION",
}


def employee(name: str) -> RowOf:
    return RowOf("Employee", named=name)


def update(who: str, whom: str, **changes: object) -> Step:
    return Step(who, "employeeUpdate", {"id": employee(whom), **changes})


def deactivate(who: str, whom: str) -> Step:
    return Step(who, "employeeDeactivate", {"id": employee(whom), "reassignRemindersTo": employee("anna")})


async def race(stage: Stage, *steps: Step) -> Change:
    """The steps at once: what must hold does, and who is refused is told that he is late."""
    return await race_allowing(stage, set(), *steps)


async def race_allowing(stage: Stage, codes: set[str], *steps: Step) -> Change:
    """The same where some may be told something else besides."""
    change = await together(stage, steps)
    assert Watch().broken(change) == []
    refused = {code for act in change.acts for code in act.codes}
    assert refused <= TOO_LATE | codes, [str(act) for act in change.acts]
    return change


def now(change: Change, name: str) -> Row:
    here = change.after["employees"].values()
    (found,) = (
        each for each in here if each["name"] == name and each["project_id"] == change.firm.project_id
    )
    return found


def outcomes(change: Change) -> list[bool]:
    return [act.succeeded for act in change.acts]


RACES_OF_TWO_ADMINS = {
    "demote each other": (
        update("anna", "adam", roles=["DIRECTOR"]),
        update("adam", "anna", roles=["DIRECTOR"]),
    ),
    "deactivate each other": (
        deactivate("anna", "adam"),
        Step("adam", "employeeDeactivate", {"id": employee("anna")}),
    ),
    "both step down": (update("anna", "anna", roles=[]), update("adam", "adam", roles=["SALES_REP"])),
    "both leave": (
        Step("anna", "employeeDeactivate", {"id": employee("anna")}),
        Step("adam", "employeeDeactivate", {"id": employee("adam")}),
    ),
    "one becomes external, one leaves": (
        update("anna", "anna", partnerId=RowOf("Partner")),
        Step("adam", "employeeDeactivate", {"id": employee("adam")}),
    ),
    "demoted, and takes an external's role": (
        update("anna", "adam", roles=["ADMIN", "EXTERNAL_TELEPHONIST"]),
        update("adam", "anna", roles=["TELEPHONIST"]),
    ),
}


@pytest.mark.parametrize("name", RACES_OF_TWO_ADMINS)
async def test_of_two_admins_one_stays(stage: Stage, name: str) -> None:
    for _ in range(AGAIN if name == "demote each other" else 3):
        await stage.start_again()

        change = await race(stage, *RACES_OF_TWO_ADMINS[name])

        assert sorted(outcomes(change)) == [False, True], [str(act) for act in change.acts]
        assert sum(oracle.runs_project(now(change, each)) for each in ("anna", "adam")) == 1


async def test_a_director_who_is_demoted_gives_nothing_any_more(stage: Stage) -> None:
    change = await race(
        stage, update("anna", "dita", roles=["TELEPHONIST"]), update("dita", "lea", roles=["DIRECTOR"])
    )

    first_demoted = now(change, "lea")["roles"] == "SALES_REP"
    assert outcomes(change) == [True, not first_demoted]
    assert not first_demoted or change.acts[1].codes == ["FORBIDDEN"]


async def test_whoever_is_deactivated_does_nothing_any_more(stage: Stage) -> None:
    steps = [
        deactivate("anna", "dita"),
        update("dita", "rudolf", canSendBulkEmail=True),
        Step(
            "dita",
            "employeeInvite",
            {"name": "Nová", "email": "nova@mallory.example.cz", "roles": ["SALES_REP"]},
        ),
    ]

    change = await race(stage, *steps)

    assert change.acts[0].succeeded and now(change, "dita")["status"] == "DEACTIVATED"
    assert bool(now(change, "rudolf")["can_send_bulk_email"]) == change.acts[1].succeeded
    assert ("Nová" in {each["name"] for each in change.after["employees"].values()}) == change.acts[
        2
    ].succeeded


async def test_who_invites_while_he_is_demoted_invites_before_or_not_at_all(stage: Stage) -> None:
    invite = Step(
        "dita", "employeeInvite", {"name": "Nový", "email": "nova@mallory.example.cz", "roles": ["DIRECTOR"]}
    )

    change = await race(stage, update("anna", "dita", roles=["SALES_REP"]), invite)

    invited = [each for each in change.after["employees"].values() if each["name"] == "Nový"]
    assert change.acts[0].succeeded and len(invited) == change.acts[1].succeeded


async def test_a_flag_given_to_who_leaves_is_given_or_not_and_he_leaves(stage: Stage) -> None:
    change = await race(
        stage,
        deactivate("anna", "kamila"),
        update("dita", "kamila", roles=["DIRECTOR"], canDeleteContacts=True),
    )

    assert all(outcomes(change)) and now(change, "kamila")["status"] == "DEACTIVATED"


async def test_an_admin_who_is_made_is_not_changed_by_a_director_after(stage: Stage) -> None:
    change = await race(
        stage, update("anna", "rudolf", roles=["ADMIN"]), update("dita", "rudolf", roles=["TELEPHONIST"])
    )

    assert change.acts[0].succeeded and now(change, "rudolf")["roles"] == "ADMIN"
    assert change.acts[1].succeeded or change.acts[1].codes == ["FORBIDDEN"]


async def test_one_invitation_is_accepted_once(stage: Stage) -> None:
    accept = Step("iva", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})

    change = await race(stage, accept, accept, accept)

    assert sorted(outcomes(change)) == [False, False, True]
    accounts = [each for each in change.after["accounts"].values() if each["email"] == "iva@iva.example.cz"]
    assert len(accounts) == 1 and now(change, "iva")["account_id"] == accounts[0]["id"]


@pytest.mark.parametrize(
    "against", [deactivate("dita", "iva"), Step("dita", "employeeInvitationResend", {"id": employee("iva")})]
)
async def test_an_invitation_is_accepted_or_revoked(stage: Stage, against: Step) -> None:
    accept = Step("iva", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})

    change = await race(stage, accept, against)

    status = now(change, "iva")["status"]
    if against.mutation == "employeeDeactivate":
        assert change.acts[1].succeeded and status == "DEACTIVATED"
    else:
        assert sorted(outcomes(change)) == [False, True]
        assert status == ("ACTIVE" if change.acts[0].succeeded else "INVITED")


async def test_whoever_signs_up_under_an_invited_address_keeps_no_session(stage: Stage) -> None:
    accept = Step("iva", "invitationAccept", {"token": Mailed("INVITATION"), "password": Password("new")})
    squat = {"email": "iva@iva.example.cz", "password": Password("new"), "name": "Já"}

    change = await race_allowing(stage, {"TAKEN"}, accept, Step("mallory", "accountCreate", squat))

    if change.acts[0].succeeded:
        owned = now(change, "iva")["account_id"]
        alive = [each for each in change.after["sessions"].values() if not each["revoked_at"]]
        assert [each["account_id"] for each in alive].count(owned) == 1


async def test_a_contact_is_deleted_or_updated_and_never_half(stage: Stage) -> None:
    contact = RowOf("Contact", 4)
    steps = [
        Step("dita", "contactDelete", {"id": contact}),
        Step("rudolf", "contactDelete", {"id": contact}),
        Step("anna", "contactUpdate", {"id": contact, "name": "Jiný"}),
        Step("rudolf", "personCreate", {"contactId": contact, "name": "Osoba"}),
        Step(
            "anna",
            "activityRecord",
            {"contactId": contact, "kind": "CALL", "area": "SALES", "summary": "Hovor"},
        ),
        Step(
            "rudolf",
            "reminderCreate",
            {"contactId": contact, "title": "Úkol", "dueAt": "2030-01-01T08:00:00Z"},
        ),
    ]
    for _ in range(5):
        await stage.start_again()

        change = await race_allowing(stage, {"NOT_ALLOWED"}, *steps)

        assert outcomes(change)[:2].count(True) == 1
        gone = next(id_ for id_ in change.before["contacts"] if id_ not in change.after["contacts"])
        hanging = [
            row
            for table in ("persons", "activities", "reminders", "lead_share_contacts")
            for row in change.after[table].values()
            if row["contact_id"] == gone
        ]
        assert hanging == []


async def test_parallel_deletions_count_against_the_limit(stage: Stage) -> None:
    steps = [Step("dita", "contactDelete", {"id": RowOf("Contact", number)}) for number in range(2, 8)]

    change = await race_allowing(stage, {"RATE_LIMITED"}, *steps)

    assert len(change.done) == 3
    assert len(change.before["contacts"]) - len(change.after["contacts"]) == 3


async def test_the_project_is_deleted_once_and_a_director_who_races_it_deletes_nothing(stage: Stage) -> None:
    sent = {"password": Password(), "name": "Pekárna Šťastný"}

    change = await race(
        stage,
        *[Step(each, "projectDelete", sent) for each in ("anna", "adam", "dita")],
        update("anna", "dita", name="Jiná"),
    )

    assert not change.acts[2].succeeded and outcomes(change)[:2].count(True) >= 1


async def test_one_address_for_two_accounts_becomes_ones(stage: Stage) -> None:
    address = "jinak@rudolf.example.cz"
    ask = Step("rudolf", "emailChangeRequest", {"email": address, "password": Password()})
    change_it = Step("rudolf", "emailChange", {"token": Mailed("EMAIL_CHANGE")})

    change = await race_allowing(
        stage,
        {"TAKEN"},
        *(await prepared(stage, ask, change_it)),
        Step("mallory", "accountCreate", {"email": address, "password": Password("new"), "name": "Já"}),
    )

    assert len([each for each in change.after["accounts"].values() if each["email"] == address]) == 1


async def prepared(stage: Stage, first: Step, *then: Step) -> tuple[Step, ...]:
    """`then`, once `first` was done."""
    async for change in play(stage, first):
        assert change.done
    return then
