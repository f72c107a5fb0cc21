"""Mutants of the predicates that say which rows somebody may see."""

from collections.abc import Sequence

from tests.proof.mutants.mutant import Mutant, by_worlds

MODELS = "app/models"

OF_ROWS: Sequence[Mutant] = (
    Mutant(
        "contacts of every project",
        f"{MODELS}/contacts.py",
        "return Q(project_id=viewer.project_id) & cls._within_reach(viewer)",
        "return Q(project_id__isnull=False) & cls._within_reach(viewer)",
        by_worlds("the name of a contact of another project"),
    ),
    Mutant(
        "contacts of every division",
        f"{MODELS}/contacts.py",
        "        if viewer.division_ids is not None:\n            chosen",
        "        if False:\n            chosen",
        by_worlds("the name of a contact of a foreign division"),
    ),
    Mutant(
        "no ceiling over the contacts of externals",
        f"{MODELS}/contacts.py",
        "        if viewer.is_external:\n            shared",
        "        if False:\n            shared",
        by_worlds("the name of a contact that is not lent"),
    ),
    Mutant(
        "what hangs on a contact does not follow it",
        f"{MODELS}/contacts.py",
        'return in_project & Q(contact_id__in=Subquery(cls.visible_to(viewer).values("id")))',
        "return in_project",
        by_worlds("a person more at a contact of a foreign division"),
    ),
    Mutant(
        "a loan never ends",
        f"{MODELS}/partners.py",
        "return begun & cls._not_over_q(now)",
        "return begun",
        by_worlds("a loan that has ended"),
    ),
    Mutant(
        "a loan is not recalled",
        f"{MODELS}/partners.py",
        "partner_id=partner_id, recalled_at__isnull=True, valid_from__lte=now)",
        "partner_id=partner_id, valid_from__lte=now)",
        by_worlds("a loan that was recalled"),
    ),
    Mutant(
        "a loan holds before it begins",
        f"{MODELS}/partners.py",
        "recalled_at__isnull=True, valid_from__lte=now)",
        "recalled_at__isnull=True)",
        by_worlds("a loan that has not begun"),
    ),
    Mutant(
        "a loan is for every partner",
        f"{MODELS}/partners.py",
        "begun = Q(project_id=project_id, partner_id=partner_id,",
        "begun = Q(project_id=project_id,",
        by_worlds("that a contact is lent to another partner"),
    ),
    Mutant(
        "everybody sees partners",
        f"{MODELS}/partners.py",
        "if isinstance(viewer, Member) and viewer.may(Permission.LEAD_SHARE):",
        "if isinstance(viewer, Member):",
        by_worlds("the name of another partner", "a partner more"),
    ),
    Mutant(
        "activities of every area",
        f"{MODELS}/activities.py",
        "    if len(whole) == len(Area):\n",
        "    if whole or own:\n",
        by_worlds("a service note more"),
    ),
    Mutant(
        "activities of others where only one's own are read",
        f"{MODELS}/activities.py",
        "| (Q(area__in=own) & Q(author_id=viewer.employee_id))",
        "| Q(area__in=own)",
        by_worlds("a billing note more", "a sales note more"),
    ),
    Mutant(
        "reminders of colleagues",
        f"{MODELS}/reminders.py",
        "if viewer.may(Permission.REMINDER_ASSIGN):",
        "if viewer.may(Permission.REMINDER_OWN):",
        by_worlds("the title of a reminder of a colleague"),
    ),
    Mutant(
        "reminders about contacts out of sight",
        f"{MODELS}/reminders.py",
        "return _held_q(viewer) & Contact.linked_if_at_all_q(viewer)",
        "return _held_q(viewer)",
        by_worlds("a reminder of one's own about a contact of a foreign division"),
    ),
    Mutant(
        "mail of others where only one's own is read",
        f"{MODELS}/emails.py",
        "if viewer.reach(Permission.EMAIL_READ) is Reach.OWN:",
        "if False:",
        by_worlds("the text of somebody else's mail"),
    ),
    Mutant(
        "the system's own mail",
        f"{MODELS}/emails.py",
        "readable = Q(project_id=viewer.project_id, purpose__in=[EmailPurpose.BUSINESS, EmailPurpose.PERSONAL])",
        "readable = Q(project_id=viewer.project_id)",
        by_worlds("the subject of the system's own mail"),
    ),
    Mutant(
        "mail of others whose contact is gone",
        f"{MODELS}/emails.py",
        "(Q(contact_id__isnull=True) & own))",
        "Q(contact_id__isnull=True))",
        by_worlds("a mail of somebody else's whose contact is gone"),
    ),
    Mutant(
        "mail to contacts out of sight",
        f"{MODELS}/emails.py",
        "return readable & (Contact.linked_q(viewer) |",
        "return readable & (Q(contact_id__isnull=False) |",
        by_worlds("a mail of one's own to a contact of a foreign division"),
    ),
    Mutant(
        "mail of every area",
        f"{MODELS}/emails.py",
        "if area := area_q(viewer):",
        "if False and (area := area_q(viewer)):",
        by_worlds("a mail about bills"),
    ),
    Mutant(
        "the recipients of all mail",
        f"{MODELS}/emails.py",
        'return Q(project_id=viewer.project_id, email_id__in=Subquery(Email.visible_to(viewer).values("id")))',
        "return Q(project_id=viewer.project_id)",
        by_worlds("whom somebody else's mail went to, and what the server said"),
    ),
    Mutant(
        "colleagues for externals",
        f"{MODELS}/employees.py",
        "return viewer.reach(Permission.EMPLOYEE_READ) is Reach.ALL",
        "return viewer.reach(Permission.EMPLOYEE_READ) is not None",
        by_worlds("the e-mail of a colleague"),
    ),
    Mutant(
        "base data of every project",
        f"{MODELS}/projects.py",
        "            return Q(id=viewer.project_id)\n",
        "            return Q(id__isnull=False)\n",
        by_worlds("the base data of another project"),
    ),
    Mutant(
        "divisions of every project",
        f"{MODELS}/projects.py",
        "        if isinstance(viewer, Member) and viewer.may(Permission.PROJECT_READ):\n"
        "            return Q(project_id=viewer.project_id)",
        "        if isinstance(viewer, Member) and viewer.may(Permission.PROJECT_READ):\n"
        "            return Q(project_id__isnull=False)",
        by_worlds("a division of another project"),
    ),
    Mutant(
        "sessions of every account",
        f"{MODELS}/accounts.py",
        "return Q(account_id=viewer.account_id) & cls.alive_q()",
        "return cls.alive_q()",
        by_worlds("a device more on which somebody is signed in"),
    ),
    Mutant(
        "accounts of everybody",
        f"{MODELS}/accounts.py",
        "return Q(id=viewer.account_id) if isinstance(viewer, AccountViewer) else NOBODY",
        "return Q(id__isnull=False) if isinstance(viewer, AccountViewer) else NOBODY",
        by_worlds("the name of somebody else's account"),
    ),
    Mutant(
        "keys of colleagues",
        f"{MODELS}/idempotency.py",
        "return Q(project_id=viewer.project_id, scope_id=viewer.employee_id)",
        "return Q(project_id=viewer.project_id)",
        by_worlds("a key that a colleague sent with a mutation"),
    ),
    Mutant(
        "proposals of others",
        f"{MODELS}/proposals.py",
        "return in_project & Q(proposed_by_id=viewer.employee_id)",
        "return in_project",
        by_worlds("a contact that somebody else proposed"),
    ),
    Mutant(
        "the audit log for everybody",
        f"{MODELS}/audit.py",
        "if not isinstance(viewer, Member) or not viewer.may(Permission.AUDIT_READ):",
        "if not isinstance(viewer, Member):",
        by_worlds("an entry of the log"),
    ),
    Mutant(
        "what is out of reach is forbidden, and so there",
        f"{MODELS}/base.py",
        "        if row is None:\n            raise cls._absent(path)\n",
        "        if row is None:\n            if await cls.filter(id=id).exists():\n"
        "                viewer.require(Permission.PROJECT_DELETE)\n            raise cls._absent(path)\n",
        by_worlds("a contact more in a foreign division"),
    ),
)
