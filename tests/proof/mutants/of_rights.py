"""Mutants of the policy, of sessions, and of what services ask before they write."""

from collections.abc import Sequence

from tests.proof.mutants.mutant import MATRIX, Mutant, by_tests, by_worlds

SERVICES = "app/services"

OF_RIGHTS: Sequence[Mutant] = (
    Mutant(
        "of several roles the narrowest counts",
        "app/policy.py",
        "if widest := max(reaches, default=0):",
        "if widest := min(reaches, default=0):",
        MATRIX,
    ),
    Mutant(
        "no ceiling over the rights of externals",
        "app/policy.py",
        "    for permission, row in POLICY.items():\n        reaches = [row.reach(role, permission in switched_on) for role in held]\n        if external:",
        "    for permission, row in POLICY.items():\n        reaches = [row.reach(role, permission in switched_on) for role in held]\n        if False:",
        by_worlds("the seat of the project", "bankAccount of a contact"),
    ),
    Mutant(
        "who belongs to a partner is not external",
        "app/policy.py",
        "return partner_id is not None or Role.EXTERNAL_TELEPHONIST in roles",
        "return Role.EXTERNAL_TELEPHONIST in roles",
        by_worlds("the name of a contact that is not lent", "the e-mail of a colleague"),
    ),
    Mutant(
        "nobody needs a flag",
        "app/policy.py",
        "return Reach.ALL if flag_is_on else 0",
        "return Reach.ALL",
        MATRIX,
    ),
    Mutant(
        "technicians read sales activity",
        "app/policy.md",
        "| ACTIVITY_SALES_READ | all | own | all | - |",
        "| ACTIVITY_SALES_READ | all | own | all | all |",
        by_worlds("a sales note more"),
    ),
    Mutant(
        "a revoked session goes on",
        f"{SERVICES}/session_rows.py",
        "WHERE {is_asked_for} AND s.revoked_at IS NULL",
        "WHERE {is_asked_for}",
        by_tests("tests/abuse/test_a_tokens.py"),
    ),
    Mutant(
        "whoever was dismissed goes on",
        f"{SERVICES}/session_rows.py",
        'return row["status"] == EmployeeStatus.ACTIVE and row["deletion_requested_at"] is None',
        'return row["deletion_requested_at"] is None',
        by_tests("tests/services/test_session_rows.py"),
    ),
    Mutant(
        "a mutation believes who asked",
        "app/schema/mutations.py",
        "        self.viewer, self.now = await self.context.look_inside_transaction()\n",
        "        _, self.now = await self.context.look_inside_transaction()\n        self.viewer = self.viewer\n",
        by_tests(
            "tests/abuse/test_b_sockets.py::test_case_21_a_role_that_was_taken_is_missed_by_the_next_mutation_on_the_same_socket"
        ),
    ),
    Mutant(
        "events of a feed are not authorised anew",
        f"{SERVICES}/feed_pages.py",
        "    return [[id_ for id_ in ids if next(seen)] for ids in named]\n",
        "    return named\n",
        by_tests("tests/services/test_feed_pages.py", "tests/schema/test_reminder_feed.py"),
    ),
    Mutant(
        "an address is taken if another project has it",
        f"{SERVICES}/hiring.py",
        "Employee.get_or_none(project_id=viewer.project_id, email=email)",
        "Employee.get_or_none(email=email)",
        by_worlds("that an e-mail address is an employee's of another project", operations=4_000),
    ),
    Mutant(
        "notes about contacts out of sight are recorded",
        f"{SERVICES}/activities.py",
        'await Contact.require_visible(viewer, contact_id, path=("contact_id",))',
        "await Contact.get(id=contact_id)",
        by_worlds(
            "a contact more in a foreign division", "a contact with the same numbers in another project"
        ),
    ),
    Mutant(
        "a contact goes into a division of another project",
        f"{SERVICES}/contacts.py",
        'division = await Division.get_visible(viewer, division_id, path=("division_id",))',
        "division = await Division.get(id=division_id)",
        by_worlds("a division of another project"),
    ),
    Mutant(
        "a contact goes into a division of others",
        f"{SERVICES}/contacts.py",
        "if viewer.division_ids is not None and division.id not in viewer.division_ids:",
        "if False:",
        by_tests("tests/schema/test_contacts.py", "tests/schema/test_contact_links.py"),
    ),
    Mutant(
        "employees choose any interval for themselves",
        f"{SERVICES}/reminder_intervals.py",
        "    if minutes > longest:\n",
        "    if False:\n",
        by_tests("tests/schema/test_reminder_intervals.py"),
    ),
    Mutant(
        "the window of whoever is invited without a word about it is off",
        f"{SERVICES}/hiring.py",
        "    clean.setdefault(INTERVAL, await reminder_intervals.default_of(viewer.project_id))\n",
        "",
        by_tests("tests/schema/test_reminder_intervals.py"),
    ),
    Mutant(
        "contacts are deleted without a limit",
        f"{SERVICES}/contact_deletion.py",
        "    if limit and not oldest:\n",
        "    if True:\n",
        by_tests("tests/proof/invariants/test_races.py::test_parallel_deletions_count_against_the_limit"),
    ),
    Mutant(
        "the last admin leaves",
        f"{SERVICES}/employee_rights.py",
        "if not any(runs_project(each) for each in await others):",
        "if False and await others:",
        by_tests("tests/abuse/test_d_writes.py::test_case_55_the_last_admin_stays_one"),
    ),
    Mutant(
        "one invites people with more than one has",
        f"{SERVICES}/hiring.py",
        '    employee_rights.require_grantable(viewer, clean["roles"], partner_id)\n',
        "",
        by_tests("tests/schema/test_hiring.py"),
    ),
    Mutant(
        "one gives colleagues more than one has",
        f"{SERVICES}/employees.py",
        '        employee_rights.require_grantable(viewer, roles, changes.get("partner_id", employee.partner_id))\n',
        "        _ = roles\n",
        by_tests("tests/schema/test_employee_rights.py"),
    ),
    Mutant(
        "one gives a wider scope than one's own",
        f"{SERVICES}/employee_scopes.py",
        "    if viewer.division_ids is None or wanted == present:\n",
        "    if True:\n",
        by_tests("tests/schema/test_employee_rights.py", "tests/schema/test_hiring.py"),
    ),
    Mutant(
        "a director changes an admin",
        f"{SERVICES}/employee_rights.py",
        "    if makes_admin(employee.roles):\n",
        "    if False:\n",
        by_tests("tests/schema/test_employee_rights.py"),
    ),
    Mutant(
        "one changes one's own rights",
        f"{SERVICES}/employee_rights.py",
        "if himself and RIGHTS & set(changed) and not viewer.may(Permission.ADMIN_GRANT):",
        "if False:",
        by_tests("tests/abuse/test_d_writes.py::test_case_55_nobody_gives_himself_a_role"),
    ),
    Mutant(
        "an unknown address is answered otherwise",
        f"{SERVICES}/sign_in.py",
        "    if account is None:\n        return Attempt(attempt_id)\n",
        '    if account is None:\n        raise Invalid.at("email", "There is no such account.", FaultCode.INVALID)\n',
        by_worlds("that an e-mail address has an account"),
    ),
    Mutant(
        "reminders are given to colleagues without the right",
        f"{SERVICES}/reminders.py",
        "    if employee_id != viewer.employee_id:\n        viewer.require(Permission.REMINDER_ASSIGN)\n",
        "",
        by_tests("tests/schema/test_reminders.py"),
    ),
)
