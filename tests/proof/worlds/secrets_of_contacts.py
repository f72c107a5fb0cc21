"""Secrets about contacts and what hangs on them: hidden columns, areas, divisions, loans, mail."""

from collections.abc import Iterator
from datetime import timedelta

from app import models
from app.models import Area
from tests.factories import FAR_AWAY, LONG_AGO
from tests.proof.worlds.people import (
    EVERYBODY,
    EXTERNALS,
    NO_BILLING_DATA,
    NO_INVOICES_OF_OTHERS,
    NO_MAIL_OF_OTHERS,
    NO_SALES_OF_OTHERS,
    NO_SERVICE,
    OF_FIRST_PARTNER,
    OF_OTHER_DIVISIONS,
    OF_SECOND_PARTNER,
    OUTSIDE,
    OWN_REMINDERS_ONLY,
    STAFF,
    WITHOUT_ROLES,
)
from tests.proof.worlds.planting import Added, Changed, Probe, Secret
from tests.proof.worlds.rows import asking, mail_rows, named, note, partner, person, reminder, share, showing
from tests.proof.worlds.scene import Scene, gid, lent

RECENTLY = LONG_AGO + timedelta(days=30)


def of_contacts(scene: Scene) -> Iterator[Secret]:
    yield from _billing_data(scene)
    yield from _areas(scene)
    yield from _divisions(scene)
    yield from _own_doings_out_of_sight(scene)
    yield from _loans(scene)
    yield from _partners(scene)
    yield from _reminders(scene)
    yield from _mail(scene)


def _billing_data(scene: Scene) -> Iterator[Secret]:
    """Each alone: one hidden column of a contact that is seen."""
    for column, field, one, other in (
        ("vat_id", "vatId", "CZ11111111", "CZ22222222"),
        ("tax_number", "taxNumber", "8001011234", "8002021234"),
        ("bank_account", "bankAccount", None, "19-2000145399/0800"),
        ("credit_limit_minor", "creditLimit { amount }", 100_00, 999_00),
        ("price_level", "priceLevel", "Alfa", "Beta"),
        ("internal_rating", "internalRating", 1, 5),
    ):
        yield Secret(
            f"{field.partition(' ')[0]} of a contact",
            NO_BILLING_DATA,
            Changed(scene.seen, {column: one}, {column: other}),
            asking(scene.seen, field),
        )


def _areas(scene: Scene) -> Iterator[Secret]:
    """Notes of an area that one does not read: there or not, and what they say."""
    latest = "activities(first: 1) { nodes { summary detail } }"
    for area, author, hidden_from in (
        (Area.SERVICE, "technician_and_invoices", NO_SERVICE),
        (Area.COMPLAINT, "complaints", NO_SERVICE),
        (Area.SALES, "sales_and_invoices", NO_SALES_OF_OTHERS),
        (Area.BILLING, "invoicer", NO_INVOICES_OF_OTHERS),
    ):
        hidden = [name for name in hidden_from if name != author]
        row = note(scene, scene.seen, area, author)
        fields = ("area", "lastSalesActivityAt", "activities", "totalCount")
        yield Secret(f"a {area.lower()} note more", hidden, Added([row]), asking(scene.seen, latest), fields)
    for area, author, hidden_from in (
        (Area.SERVICE, "complaints_and_sales", NO_SERVICE),
        (Area.SALES, "complaints", NO_SALES_OF_OTHERS),
    ):
        row = note(scene, scene.seen, area, author)
        yield Secret(
            f"the text of a {area.lower()} note",
            hidden_from,
            Changed(row, {"summary": "Jeden text"}, {"summary": "Druhý text"}, along=[row]),
            asking(scene.seen, latest),
        )


def _divisions(scene: Scene) -> Iterator[Secret]:
    foreign, name = scene.foreign, "Tajná firma"
    yield Secret(
        "the name of a contact of a foreign division",
        OF_OTHER_DIVISIONS,
        Changed(foreign, named("Alfa Cizí"), named("Beta Cizí")),
        asking(foreign, "name"),
    )
    more = scene.contact(name, scene.here, division_id=scene.divisions[3].id, ico="11223344")
    yield Secret(
        "a contact more in a foreign division",
        OF_OTHER_DIVISIONS,
        Added([more]),
        asking(more, "id"),
        ("totalCount", "search"),
    )
    somebody = person(scene, foreign, "Tajný Člověk")
    yield Secret(
        "a person more at a contact of a foreign division",
        OF_OTHER_DIVISIONS,
        Added([somebody]),
        asking(foreign, "persons { name }"),
        ("persons",),
    )
    yield Secret(
        "an activity more with a contact of a foreign division",
        OF_OTHER_DIVISIONS,
        Added([note(scene, foreign, Area.SALES, "director")]),
        asking(foreign, "activities { totalCount }"),
        ("activities", "lastSalesActivityAt"),
    )


def _own_doings_out_of_sight(scene: Scene) -> Iterator[Secret]:
    foreign = scene.foreign
    yield Secret(
        "a reminder of one's own about a contact of a foreign division",
        ("sales_rep_of_two",),
        Added([reminder(scene, foreign, "sales_rep_of_two")]),
        asking(foreign, "reminders { totalCount }"),
        ("reminders", "openReminderCount"),
    )
    yield Secret(
        "a mail of one's own to a contact of a foreign division",
        ("sales_rep_of_two", "telephonist_of_one", "technician_of_none"),
        Added(mail_rows(scene, foreign, "telephonist_of_one")),
        asking(foreign, "emails { totalCount }"),
        ("emails",),
    )
    yield Secret(
        "from which foreign division into which a contact went",
        ("sales_rep_of_two", "telephonist_of_one", "technician_of_none", *EXTERNALS, *OUTSIDE),
        Changed(
            foreign,
            {"division_id": scene.divisions[3].id},
            {"division_id": scene.divisions[4].id},
        ),
        asking(foreign, "divisionId"),
        ("divisionId", "division"),
    )


def _loans(scene: Scene) -> Iterator[Secret]:
    unlent, first = scene.unlent, scene.partners[0]
    yield Secret(
        "the name of a contact that is not lent",
        (*EXTERNALS, *OUTSIDE),
        Changed(unlent, named("Alfa Doma"), named("Beta Doma")),
        asking(unlent, "name"),
    )
    yield Secret(
        "that a contact is lent to another partner",
        (*OF_FIRST_PARTNER, "external_alone", "external_of_the_past", *OUTSIDE),
        Added([lent(unlent, scene.shares[2])]),
        Probe("external_sales", f'{{ contact(id: "{gid(unlent)}") {{ name }} }}'),
    )
    for kind, validity in (
        ("has ended", {"valid_from": LONG_AGO, "valid_until": RECENTLY}),
        ("was recalled", {"valid_from": LONG_AGO, "recalled_at": RECENTLY}),
        ("has not begun", {"valid_from": FAR_AWAY}),
    ):
        loan = share(scene, first, f"Akce, která {kind}", **validity)
        yield Secret(
            f"a loan that {kind}",
            (*EXTERNALS, *OUTSIDE, WITHOUT_ROLES, *STAFF),
            Added([loan, lent(unlent, loan)]),
            showing(scene, loan, "campaign"),
        )


def _partners(scene: Scene) -> Iterator[Secret]:
    unlent, second = scene.unlent, scene.partners[1]
    yield Secret(
        "the campaign for which another partner has contacts",
        (*EXTERNALS, *OUTSIDE, WITHOUT_ROLES, *STAFF),
        Changed(scene.shares[2], {"campaign": "Akce Alfa"}, {"campaign": "Akce Beta"}),
        showing(scene, scene.shares[2], "campaign"),
    )
    yield Secret(
        "the name of another partner",
        (*OF_FIRST_PARTNER, "external_alone", *OUTSIDE, WITHOUT_ROLES, *STAFF),
        Changed(second, named("Alfa centrum", searched=False), named("Beta centrum", searched=False)),
        showing(scene, second, "name"),
    )
    yield Secret(
        "a partner more",
        (*EXTERNALS, *OUTSIDE, WITHOUT_ROLES, *STAFF),
        Added([partner(scene, "Nové centrum")]),
        Probe("director", '{ partners(where: {name: {eq: "Nové centrum"}}) { totalCount } }'),
    )
    mine = note(scene, unlent, Area.SALES, "external")
    yield Secret(
        "one's own note about a contact that is lent no more",
        (*OF_FIRST_PARTNER, *OF_SECOND_PARTNER),
        Added([mine]),
        asking(unlent, "activities { totalCount }"),
        ("activities",),
    )


#: A contact that goes, or moves, takes its reminders out of whosever windows they are in.
OF_A_CONTACT = ("contactDelete", "contactUpdate")


def _reminders(scene: Scene) -> Iterator[Secret]:
    row = reminder(scene, scene.seen, "director")
    yield Secret(
        "a reminder of a colleague about a contact that is seen",
        OWN_REMINDERS_ONLY,
        Added([row]),
        asking(scene.seen, "reminders { totalCount }"),
        ("reminders", "openReminderCount", "totalCount"),
    )
    yield Secret(
        "a reminder that is nobody's about a contact that is seen",
        OWN_REMINDERS_ONLY,
        Added([reminder(scene, scene.seen, None)]),
        asking(scene.seen, "reminders { totalCount }"),
        ("reminders", "openReminderCount", "totalCount"),
        more_work_in=OF_A_CONTACT,
    )
    yield Secret(
        "a reminder that is nobody's about a contact of a foreign division",
        OF_OTHER_DIVISIONS,
        Added([reminder(scene, scene.foreign, None)]),
        asking(scene.foreign, "reminders { totalCount }"),
        ("reminders", "openReminderCount"),
        more_work_in=OF_A_CONTACT,
    )
    task = reminder(scene, None, "director")
    yield Secret(
        "the title of a reminder of a colleague",
        OWN_REMINDERS_ONLY,
        Changed(task, {"title": "Alfa úkol"}, {"title": "Beta úkol"}, along=[task]),
        Probe("director", f'{{ node(id: "{gid(task)}") {{ ... on Reminder {{ title }} }} }}'),
    )


def _mail(scene: Scene) -> Iterator[Secret]:
    mail, *recipients = mail_rows(scene, scene.seen, "director")
    yield Secret(
        "a mail of somebody else's to a contact that is seen",
        NO_MAIL_OF_OTHERS,
        Added([mail, *recipients]),
        asking(scene.seen, "emails { totalCount }"),
        ("emails", "recipients", "totalCount"),
    )
    rows = mail_rows(scene, scene.seen, "complaints_and_sales")
    sent, to = rows
    for column, one, other in (
        ("text", "Alfa text", "Beta text"),
        ("subject", "Alfa věc", "Beta věc"),
    ):
        yield Secret(
            f"the {column} of somebody else's mail",
            NO_MAIL_OF_OTHERS,
            Changed(sent, {column: one}, {column: other}, along=rows),
            Probe("everywhere", f'{{ node(id: "{gid(sent)}") {{ ... on Email {{ {column} }} }} }}'),
        )
    yield Secret(
        "whom somebody else's mail went to, and what the server said",
        NO_MAIL_OF_OTHERS,
        Changed(
            to,
            {"address": "alfa@example.cz", "response": "250 A"},
            {"address": "beta@example.cz", "response": "550 B"},
            along=rows,
        ),
        Probe(
            "everywhere", f'{{ node(id: "{gid(sent)}") {{ ... on Email {{ recipients {{ address }} }} }} }}'
        ),
        ("recipients", "address", "response"),
    )
    yield from _unread_mail(scene)


def _unread_mail(scene: Scene) -> Iterator[Secret]:
    system, *_ = mail_rows(scene, scene.seen, "director", purpose=models.EmailPurpose.INVITATION)
    yield Secret(
        "the subject of the system's own mail",
        EVERYBODY,
        Changed(system, {"subject": "Alfa pozvánka"}, {"subject": "Beta pozvánka"}, along=[system]),
        None,
    )
    mail, *recipients = mail_rows(scene, None, "complaints")
    yield Secret(
        "a mail of somebody else's whose contact is gone",
        [name for name in EVERYBODY if name != "complaints"],
        Added([mail, *recipients]),
        Probe("complaints", f'{{ node(id: "{gid(mail)}") {{ ... on Email {{ subject }} }} }}'),
        ("emails", "subject"),
    )
    bill, *to = mail_rows(scene, scene.seen, "invoicer", area=Area.BILLING)
    yield Secret(
        "a mail about bills",
        NO_INVOICES_OF_OTHERS,
        Added([bill, *to]),
        asking(scene.seen, "emails { totalCount }"),
        ("emails", "area"),
    )
