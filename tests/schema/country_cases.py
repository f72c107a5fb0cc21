"""Documents and values of the tests of what is read by a country's rules."""

from typing import Any

FAULTS = "errors { message code path }"
NUMBERS = "ico registrationNumber registrationCountry vatId taxNumber"
ADDRESS = "address { street city postalCode country }"
FIELDS = f"id name {NUMBERS} phone bankAccount {ADDRESS} persons {{ id phone }} version"

CREATE = f"""mutation ($input: ContactCreateInput!) {{ contactCreate(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""
UPDATE = f"""mutation ($input: ContactUpdateInput!) {{ contactUpdate(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""
ADD_PERSON = f"""mutation ($input: PersonCreateInput!) {{ personCreate(input: $input) {{
  person {{ id phone }} {FAULTS} }} }}"""
UPDATE_PERSON = f"""mutation ($input: PersonUpdateInput!) {{ personUpdate(input: $input) {{
  person {{ id phone version }} {FAULTS} }} }}"""
FOUND = f"""mutation ($input: ProjectCreateInput!) {{ projectCreate(input: $input) {{
  project {{ id {NUMBERS} {ADDRESS} }} {FAULTS} }} }}"""
PROJECT = f"""mutation ($input: ProjectUpdateInput!) {{ projectUpdate(input: $input) {{
  project {{ id {NUMBERS} {ADDRESS} version }} {FAULTS} }} }}"""
ADD_DIVISION = f"""mutation ($input: DivisionCreateInput!) {{ divisionCreate(input: $input) {{
  division {{ id {NUMBERS} baseData {{ {NUMBERS} }} }} {FAULTS} }} }}"""
DIVISION = f"""mutation ($input: DivisionUpdateInput!) {{ divisionUpdate(input: $input) {{
  division {{ id {NUMBERS} version baseData {{ {NUMBERS} }} }} {FAULTS} }} }}"""
REPORTED = "id name ico registrationNumber registrationCountry phone city country"
PROPOSE = f"""mutation ($input: ContactProposeInput!) {{ contactPropose(input: $input) {{
  proposal {{ {REPORTED} }} {FAULTS} }} }}"""
ACCEPT = f"""mutation ($input: ContactProposalAcceptInput!) {{ contactProposalAccept(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""
MERGE = f"""mutation ($input: ContactProposalMergeInput!) {{ contactProposalMerge(input: $input) {{
  contact {{ {FIELDS} }} {FAULTS} }} }}"""

#: What a Polish firm types, and how it is kept.
POLISH: dict[str, Any] = {
    "registrationNumber": " KRS 0000028860 ",
    "taxNumber": "774-000-14-54",
    "vatId": "PL 774-000-14-54",
    "phone": "601 234 567",
    "bankAccount": "61 1090 1014 0000 0712 1981 2874",
}
KEPT_POLISH = {
    "ico": None,
    "registrationNumber": "KRS 0000028860",
    "registrationCountry": "PL",
    "taxNumber": "774-000-14-54",
    "vatId": "PL7740001454",
    "phone": "+48601234567",
    "bankAccount": "PL61109010140000071219812874",
}
CZECH: dict[str, Any] = {
    "ico": "177041",
    "vatId": "CZ27082440",
    "phone": "777 123 456",
    "bankAccount": "19-2000145399/0800",
    "address": {"street": "Dlouhá 1", "city": "Brno", "postalCode": "602 00", "country": "CZ"},
}


def part(answer: Any, mutation: str, name: str) -> dict[str, Any]:
    """What a mutation that went well shows."""
    assert answer.faults(mutation) == []
    shown: dict[str, Any] = answer.data[mutation][name]
    return shown
