"""A firm whose founder followed the guide: the project, two divisions, and people who accepted what was mailed to them."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from app.engine.ids import local_id
from app.integrations.mail_catcher import CaughtMail
from app.models import Partner, Project
from app.text import fold
from tests.e2e.client import Client
from tests.e2e.installation import Installation
from tests.factories import make_partner
from tests.graphql import gid

PASSWORD = "spravne heslo"
NAME, ADDRESS = "Firma s.r.o.", "info@firma.cz"
FROM = f'"{NAME}" <{ADDRESS}>'
FOUNDER = "Jana Zakladatelka"
ICO = "45274649"
DIVISIONS = {"B2B": "b2b@firma.cz", "B2C": "b2c@firma.cz"}
PEOPLE: dict[str, Sequence[str]] = {
    "Tereza Telefonní": ["TELEPHONIST"],
    "Emil Externí": ["EXTERNAL_TELEPHONIST"],
    "Oldřich Obchodní": ["SALES_REP"],
    "Šimon Servisní": ["SERVICE_TECHNICIAN"],
    "Renata Reklamační": ["COMPLAINTS"],
    "František Fakturant": ["INVOICER"],
    "Řehoř Ředitel": ["DIRECTOR"],
    "Adéla Správná": ["ADMIN"],
    "Olga Obojí": ["SALES_REP", "SERVICE_TECHNICIAN"],
    "Tomáš Též": ["TELEPHONIST", "INVOICER"],
}


@dataclass
class Person:
    """An employee at work, with the device on which he accepted, and the mail that invited him."""

    id: str
    name: str
    email: str
    roles: Sequence[str]
    client: Client
    invitation: CaughtMail


@dataclass
class Firm:
    """`admin` is the founder's device. `people` are those of `PEOPLE`, `divisions` ids, both by name."""

    divize: Installation
    admin: Client
    project_id: str
    account: Client
    divisions: dict[str, str] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    partner_id: str = ""

    async def hire(self, name: str, *roles: str, **more: Any) -> Person:
        """Invites somebody, who reads the mail and accepts."""
        email = f"{fold(name).replace(' ', '.')}@firma.cz"
        invited = await self.admin.do(
            "Invite", name=name, email=email, roles=roles, divisionScope="ALL", **more
        )
        mail = await self.divize.mails.next_to(email)
        client = self.divize.client()
        await client.do("Accept", token=token_in(mail), password=PASSWORD)
        return Person(invited["employee"]["id"], name, email, roles, client, mail)

    def holder_of(self, *roles: str) -> Person:
        return next(person for person in self.people.values() if list(person.roles) == list(roles))

    async def sign_in(self, person: Person) -> Client:
        """Another device of his."""
        client = self.divize.client()
        await client.do("SignIn", email=person.email, password=PASSWORD)
        return client

    async def add_contact(self, name: str, **more: Any) -> str:
        """The id of a new contact."""
        payload = await self.admin.do("CreateContact", name=name, **more)
        return str(payload["contact"]["id"])


async def found(divize: Installation, *, name: str = NAME, founder: str = "jana@firma.cz") -> Firm:
    """Signs up, looks the company up, makes the project and its divisions. Nobody is invited yet."""
    account = divize.client()
    await account.do("SignUp", email=founder, password=PASSWORD, name=FOUNDER)
    company = await account.ask("Lookup", ico=ICO)
    admin = divize.client(account.token)
    base_data = {part: company[part] for part in ("ico", "vatId", "address")}
    payload = await admin.do("CreateProject", name=name, email=ADDRESS, timeZone="Europe/Prague", **base_data)
    firm = Firm(divize, admin, payload["project"]["id"], account)
    for division, email in DIVISIONS.items():
        made = await admin.do("CreateDivision", name=division, email=email)
        firm.divisions[division] = made["division"]["id"]
    return firm


async def found_and_hire(divize: Installation) -> Firm:
    """The same, with everybody of `PEOPLE` at work."""
    firm = await found(divize)
    firm.partner_id = await _partner(firm)
    hired = await asyncio.gather(
        *(firm.hire(name, *roles, **_more(firm, roles)) for name, roles in PEOPLE.items())
    )
    firm.people = {person.name: person for person in hired}
    return firm


def _more(firm: Firm, roles: Sequence[str]) -> dict[str, Any]:
    return {"partnerId": firm.partner_id} if "EXTERNAL_TELEPHONIST" in roles else {}


async def _partner(firm: Firm) -> str:
    """Partners are made in the database, as nothing in the API makes them yet."""
    async with firm.divize.rows():
        project = await Project.get(id=local_id("Project", firm.project_id))
        partner: Partner = await make_partner(project, name="Call centrum Hlas")
        return gid(partner)


def token_in(mail: CaughtMail) -> str:
    """The secret of the link that was mailed."""
    found = re.search(r"#token=(\S+)", mail.text)
    assert found, mail
    return found[1]
