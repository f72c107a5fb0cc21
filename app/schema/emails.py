"""E-mail in the API: reading what was sent, sending, following, and proving From addresses."""

from collections.abc import AsyncIterator
from enum import Enum
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import strawberry

from app import models
from app.engine.assemble import describe_enum
from app.engine.declare import ById, Listing, Table, column, to_list, to_one
from app.engine.guards import field, value
from app.engine.ids import ID_OF, local_id
from app.engine.scalars import EmailAddress
from app.policy import Level
from app.policy import Permission as P  # noqa: N817
from app.schema import activities  # noqa: F401  Describes the areas.
from app.schema.inputs import given, idempotency_key, optional, required
from app.schema.mutations import Act, Returned, mutation
from app.schema.subscriptions import subscription
from app.services import address_verification, email_states, emails

#: Looks this often into the database besides, should the doorbell be away.
POLL_S = 10.0

describe_enum(
    models.EmailPurpose,
    "What a mail is for. Mail of the system itself is read by nobody.",
    BUSINESS="The firm writes to a contact.",
    PERSONAL="An employee writes under his own name.",
    INVITATION="An invitation to the project.",
    PASSWORD_RESET="A link to set a new password.",  # noqa: S106
    EMAIL_VERIFICATION="A link that proves an account's address.",
    EMAIL_CHANGE="A link that proves an account's new address.",
    ADDRESS_VERIFICATION="A link that proves a From address of the project.",
)
describe_enum(
    models.EmailVia,
    "The road a mail takes.",
    MAILBOX="A mailbox of the firm, as if written there.",
    RELAY="The installation's mail server, under the firm's proved address.",
    INSTALLATION="The installation's own address; answers go to the firm's address, which is not proved yet.",
)
describe_enum(
    models.EmailState,
    "Where a mail is on its way.",
    QUEUED="Waits for its first attempt.",
    SENDING="Is being handed over.",
    DEFERRED="Waits for another attempt: somebody's server asked for it, or an attempt ended uncertainly.",
    SENT="Every recipient's server took it.",
    PARTIAL="Some recipients' servers took it, others refused.",
    FAILED="Nobody's server took it.",
    UNKNOWN="Perhaps delivered: the connection or the worker was lost while the server was confirming, or every attempt "
    "ended abnormally. `uncertainAttempts` of 0 says that nobody got it.",
    CANCELLED="Withdrawn before anybody got it.",
)
describe_enum(
    models.RecipientState,
    "What became of one recipient.",
    QUEUED="Not tried yet.",
    SENT="His server took it.",
    DEFERRED="Refused for now; it is tried again, for 48 hours in all.",
    FAILED="Refused for good, or given up.",
    UNKNOWN="Perhaps delivered: the server has the text, and its answer is not written down, or not yet.",
)


@strawberry.enum(description="Whose mail it is to be.")
class SenderPurpose(Enum):
    BUSINESS = strawberry.enum_value("BUSINESS", description="The firm's.")
    PERSONAL = strawberry.enum_value("PERSONAL", description="The viewer's own.")


class EmailRecipient(Table, model=models.EmailRecipient, see=P.EMAIL_READ):
    """One address that a mail goes to, and what became of it."""

    address = column(P.EMAIL_READ, "The address.", type=EmailAddress)
    state = column(P.EMAIL_READ, "What became of it.")
    response = column(P.EMAIL_READ, "What the mail server answered last, or why it did not.")
    attempts = column(P.EMAIL_READ, "How often it was tried.")
    uncertain_attempts = column(
        P.EMAIL_READ,
        "How many attempts may have delivered the mail without our knowing. So many copies may have arrived beside the "
        "one of which `state` tells, all with the same Message-ID.",
    )


class Email(Table, model=models.Email, see=P.EMAIL_READ):
    """A mail to a contact. Who may read it follows the contact and the mail's area."""

    message_id = column(P.EMAIL_READ, "Its Message-ID, the same at every attempt.")
    purpose = column(P.EMAIL_READ, "What it is for.", filter=True)
    area = column(P.EMAIL_READ, "The part of the business it belongs to; null for none.", filter=True)
    state = column(P.EMAIL_READ, "Where it is on its way.", filter=True)
    uncertain_attempts = column(
        P.EMAIL_READ,
        "How many attempts may have delivered it to somebody without our knowing: the connection or the worker was lost "
        "between the final dot and our writing down the answer. 0 says that nobody got it twice.",
        filter=True,
    )
    subject = column(P.EMAIL_READ, "The subject.", filter=True)
    text = column(P.EMAIL_READ, "The text. Null once its contact was deleted.")
    html = column(
        P.EMAIL_READ, "The HTML as it was given, and as it is sent: show it in a sandboxed frame only."
    )
    from_address = column(P.EMAIL_READ, "The address in From.", type=EmailAddress)
    from_name = column(P.EMAIL_READ, "The name in From.")
    reply_to = column(P.EMAIL_READ, "Where answers go, if not to From.", type=EmailAddress)
    via = column(P.EMAIL_READ, "The road it takes.")
    sent_at = column(P.EMAIL_READ, "When the first recipient's server took it.", filter=True)
    created_at = column(P.EMAIL_READ, "When it was written.", filter=True, sort="created_at")
    contact_id = column(P.EMAIL_READ, "The contact's id.", id_of="Contact", filter=True)
    contact = to_one("Contact", P.EMAIL_READ, "Whom it was written to; null if deleted.", via="contact_id")
    author_id = column(P.EMAIL_READ, "The author's id.", id_of="Employee", filter=True)
    author = to_one("Employee", P.EMAIL_READ, "Who wrote it.", via="author_id")
    recipients = to_list(
        "EmailRecipient", P.EMAIL_READ, "The addresses it goes to.", via="email_id", order="address"
    )


@value(Level.MEMBER)
class SenderPreview:
    """Who a mail would come from if it were sent now."""

    address: EmailAddress = strawberry.field(description="The address in From.")
    display_name: str = strawberry.field(description="The name in From.")
    reply_to: EmailAddress | None = strawberry.field(description="Where answers go, if not to From.")
    via: models.EmailVia = strawberry.field(description="The road it would take.")


async def _sender_preview(
    info: strawberry.Info,
    purpose: Annotated[SenderPurpose, strawberry.argument(description="Whose mail it is to be.")],
    division_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(
            description="The division of the contact, if it has one.", metadata={ID_OF: "Division"}
        ),
    ] = None,
) -> SenderPreview | None:
    division = local_id("Division", division_id, ("division_id",)) if division_id is not None else None
    personal = purpose is SenderPurpose.PERSONAL
    sender = await emails.preview(info.context.viewer, personal=personal, division_id=division)
    if sender is None:
        return None
    return SenderPreview(
        address=EmailAddress(sender.address),
        display_name=sender.display_name,
        reply_to=EmailAddress(sender.reply_to) if sender.reply_to else None,
        via=sender.via,
    )


queries: dict[str, Any] = {
    "email": ById(guard=P.EMAIL_READ, description="The mail with this id.", to="Email"),
    "emails": Listing(
        guard=P.EMAIL_READ, description="Mail to contacts, newest first.", to="Email", order=("-created_at",)
    ),
    "sender_preview": field(
        P.EMAIL_SEND,
        "Who a mail would come from, worked out as when it is sent. Null while nothing can be sent, for the project has "
        "no e-mail.",
        resolver=_sender_preview,
    ),
}


@strawberry.input(description="One e-mail to a contact.")
class EmailSendInput:
    contact_id: strawberry.ID = required("The contact. Its division decides the sender.", id_of="Contact")
    to: list[str] | None = optional(
        f"1 to {emails.MOST_RECIPIENTS} addresses; the contact's own if left out."
    )
    subject: str = required("The subject: one line.")
    text: str = required("The text.")
    html: str | None = optional("The same as HTML, for readers that show it.")
    personal: bool | None = optional("Under one's own name, and from one's own mailbox if one is connected.")
    area: models.Area | None = optional(
        "The part of the business it belongs to, one in which the viewer may record activities: who reads that area's "
        "activities reads the mail. Left out, everybody who reads mail to the contact does."
    )
    idempotency_key: str | None = idempotency_key()


@mutation(P.EMAIL_SEND, email=Email)
async def email_send(act: Act, input: EmailSendInput) -> Returned:
    """Sends an e-mail to a contact, from the address of its division or of the project. Follow it by emailStatus."""
    email = await emails.send(act.member, now=act.now, **given(input))
    return {"email": email.id}


@strawberry.input(description="Which mail to take back.")
class EmailCancelInput:
    id: strawberry.ID = required("The mail.", id_of="Email")


@mutation(P.EMAIL_SEND, email=Email)
async def email_cancel(act: Act, input: EmailCancelInput) -> Returned:
    """Takes a mail back that still waits; recipients who got it keep it."""
    email = await emails.cancel(act.member, now=act.now, **given(input))
    return {"email": email.id}


@strawberry.input(description="The link that was mailed to a From address.")
class AddressVerifyInput:
    token: str = required("What stands behind `#token=` in the link.")


@mutation(Level.ANONYMOUS, address=EmailAddress)
async def address_verify(act: Act, input: AddressVerifyInput) -> Returned:
    """Proves the From address of a project or division: whoever got the link agrees that mail is sent from it."""
    return {"address": await address_verification.verify(input.token, now=act.now)}


@strawberry.input(description="Whose address to prove.")
class AddressVerificationRequestInput:
    division_id: strawberry.ID | None = optional(
        "The division; the project's own address if left out.", id_of="Division"
    )


@mutation(P.PROJECT_SETTINGS, sent_to=EmailAddress)
async def address_verification_request(act: Act, input: AddressVerificationRequestInput) -> Returned:
    """Mails another link that proves the From address. `sentTo` is null if the address is proved already."""
    sent_to = await address_verification.send_again(act.member, now=act.now, **given(input))
    return {"sent_to": sent_to}


@subscription(P.EMAIL_READ, shows=Email)
async def email_status(
    info: strawberry.Info,
    email_id: Annotated[
        strawberry.ID, strawberry.argument(description="The mail to follow.", metadata={ID_OF: "Email"})
    ],
) -> AsyncIterator[UUID]:
    """A mail as it is now, and again after each change until its state is final; then the stream ends.

    It ends as well, without a word about the mail, as soon as the viewer may see it no longer.
    """
    id_, context, seen = local_id("Email", email_id, ("email_id",)), info.context, None
    await models.Email.require_visible(context.viewer, id_, path=("email_id",))
    find = partial(models.Email.find_visible, id=id_)
    async with context.hub.listen(email_states.channel(id_)) as bell:
        context.wake = bell.ring
        while (email := await context.read_as_viewer(P.EMAIL_READ, find)) is not None:
            if email.version != seen:
                seen = email.version
                yield id_
            if email.state in email_states.FINAL:
                return
            await bell.wait(POLL_S)
