"""E-mail addresses."""

from email_validator import EmailNotValidError, validate_email

from app.text import clean_visible, shown


def email_address(value: str) -> str:
    """One bare address that any SMTP server takes: the local part as typed, the domain in lower case (ASCII form).

    No name beside it, no quotes, no comment, no list, no bare IP address. Whether it exists is not asked.
    """
    typed = clean_visible(value, 1_000)
    try:
        address = validate_email(typed, check_deliverability=False, allow_smtputf8=False, strict=True)
    except EmailNotValidError:
        raise ValueError(
            f"{shown(value)} is not an e-mail address. Write one address, as in jana@firma.cz."
        ) from None
    if address.ascii_email is None or len(address.ascii_email) > 254:
        raise ValueError(
            f"The e-mail address {shown(value)} is too long. At most 254 characters are delivered."
        )
    return address.ascii_email
