"""Numbers and addresses that have a form: each function takes what a person typed and gives the one form we store.

Each raises ValueError with a sentence that names the value and says what to do.
"""

from app.formats.bank_accounts import bank_account
from app.formats.company_numbers import COUNTRIES_WITH_ICO, ico, ico_digits, registration_number, tax_number
from app.formats.countries import COUNTRIES, country
from app.formats.email_addresses import email_address
from app.formats.ip_addresses import ip_address_or_empty
from app.formats.phone_numbers import phone_number
from app.formats.postal_codes import has_postal_code_form, postal_code
from app.formats.time_zones import time_zone
from app.formats.vat_ids import vat_country, vat_id
from app.formats.web_urls import web_url

__all__ = [
    "COUNTRIES",
    "COUNTRIES_WITH_ICO",
    "bank_account",
    "country",
    "email_address",
    "has_postal_code_form",
    "ico",
    "ico_digits",
    "ip_address_or_empty",
    "phone_number",
    "postal_code",
    "registration_number",
    "tax_number",
    "time_zone",
    "vat_country",
    "vat_id",
    "web_url",
]
