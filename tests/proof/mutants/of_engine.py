"""Mutants of the read engine and of the declarations it reads by."""

from collections.abc import Sequence

from tests.proof.mutants.mutant import MATRIX, Mutant, by_tests, by_worlds

ENGINE = "app/engine"
#: What decides whether a field of a row is read.
GRANTED = "        if guard is None or not (guard is table.see or guard.granted_to(self.viewer)):\n"

OF_ENGINE: Sequence[Mutant] = (
    Mutant(
        "a denied field is read all the same",
        f"{ENGINE}/selecting.py",
        GRANTED,
        "        if guard is None:\n",
        by_worlds("bankAccount of a contact"),
    ),
    Mutant(
        "an alias hides a field",
        f"{ENGINE}/selecting.py",
        GRANTED,
        GRANTED.replace("(guard is", "(same[0].alias or guard is"),
        by_worlds("internalRating of a contact", "vatId of a contact", operations=4_000),
    ),
    Mutant(
        "a field that @include shows is free",
        f"{ENGINE}/selecting.py",
        GRANTED,
        GRANTED.replace("(guard is", "(same[0].directives or guard is"),
        by_worlds("vatId of a contact", "priceLevel of a contact", operations=4_000),
    ),
    Mutant(
        "a field of a value is free",
        f"{ENGINE}/values.py",
        "        if guard is None or not guard.granted_to(self.viewer):\n            return key, lambda",
        "        if guard is None:\n            return key, lambda",
        MATRIX,
    ),
    Mutant(
        "nobody is told what he was denied",
        f"{ENGINE}/authorise.py",
        "if guard is not None and not guard.granted_to(self.viewer) and not _seen_as_rows(owner, guard):",
        "if isinstance(guard, Level) and not guard.granted_to(self.viewer):",
        MATRIX,
    ),
    Mutant(
        "a field of what is absent is told",
        f"{ENGINE}/denials.py",
        "self.known[parent] = _leads_to(self.tree, parent, None)",
        "return True",
        by_tests("tests/engine/test_denials.py::test_a_field_of_an_object_that_is_null_makes_no_error"),
    ),
    Mutant(
        "below a list nothing is asked for",
        f"{ENGINE}/authorise.py",
        "        guard = guard_of(definition)\n",
        "        guard = None if place.below_list else guard_of(definition)\n",
        MATRIX,
    ),
    Mutant(
        "the answer of a mutation is not guarded",
        f"{ENGINE}/authorise.py",
        "        self._visit(root, operation.selection_set, Place(), refuse=refuse_root)\n",
        "        if operation.operation is not OperationType.MUTATION:\n"
        "            self._visit(root, operation.selection_set, Place(), refuse=refuse_root)\n",
        by_tests("tests/engine/test_denials.py::test_the_answer_of_a_mutation_is_guarded_alike"),
    ),
    Mutant(
        "arguments are not asked about",
        f"{ENGINE}/inputs.py",
        "        if guard is not None and not guard.granted_to(self.viewer):\n",
        "        if False and guard is not None:\n",
        by_worlds("vatId of a contact"),
    ),
    Mutant(
        "a filter inside of and, or is free",
        f"{ENGINE}/inputs.py",
        "            for each in given:\n                self._check(type_.of_type, each)",
        "            self.values += len(given)",
        by_worlds("priceLevel of a contact", "internalRating of a contact", operations=3_000),
    ),
    Mutant(
        "a filter inside of not is free",
        f"{ENGINE}/inputs.py",
        "                self._check(type_.fields[name].type, value)\n",
        '                self._check(type_.fields[name].type, value if name != "not" else None)\n',
        by_worlds("priceLevel of a contact", "internalRating of a contact", operations=3_000),
    ),
    Mutant(
        "a filter in a variable is free",
        f"{ENGINE}/inputs.py",
        "            self.check(each, changing)\n",
        "",
        by_worlds("vatId of a contact", "internalRating of a contact"),
    ),
    Mutant(
        "nothing is checked a second time",
        f"{ENGINE}/core.py",
        "if not isinstance(got, Got) or got.run.plan.operation is not info.operation:",
        "if not isinstance(got, Got):",
        by_tests("tests/engine/test_second_check.py"),
    ),
    Mutant(
        "one plan for every viewer",
        f"{ENGINE}/engine.py",
        "key: Hashable = (known, shape, *conditions.values())",
        "key: Hashable = (known, *conditions.values())",
        by_tests(
            "tests/abuse/test_c_reads.py::test_case_38_nor_does_what_is_remembered_of_one_role_serve_another"
        ),
    ),
    Mutant(
        "a relation to one shows whom one does not see",
        f"{ENGINE}/compile.py",
        "    def _one(self, rows: Rows, alias: str, which: str) -> Json:\n"
        "        source = (\n"
        '            f"FROM {self.table(rows.table, alias)} WHERE {which} AND {self.visible(rows.table.model, alias)}"\n',
        "    def _one(self, rows: Rows, alias: str, which: str) -> Json:\n"
        "        source = (\n"
        '            f"FROM {self.table(rows.table, alias)} WHERE {which}"\n',
        by_worlds("the name of a colleague"),
    ),
    Mutant(
        "a small list shows what one does not see",
        f"{ENGINE}/compile.py",
        '            f"FROM {self.table(rows.table, alias)} WHERE {which} AND {self.visible(rows.table.model, alias)}"\n'
        "        )\n        return self.rows(",
        '            f"FROM {self.table(rows.table, alias)} WHERE {which}"\n'
        "        )\n        return self.rows(",
        MATRIX,
    ),
    Mutant(
        "the last activity is one that is not seen",
        f"{ENGINE}/compile.py",
        "        conditions.append(self.visible(table.model, alias))\n",
        "",
        by_worlds("a sales note more"),
    ),
    Mutant(
        "a connection lists and counts what is not seen",
        f"{ENGINE}/compile_pages.py",
        "found = [self.compiler.visible(self.pages.table.model, alias)]",
        'found = ["1 = 1"]',
        by_worlds("a contact more in a foreign division"),
    ),
    Mutant(
        "any cursor is taken",
        f"{ENGINE}/paging.py",
        "if not hmac.compare_digest(found, tag) or len(values) != len(terms):",
        "if len(values) != len(terms):",
        by_tests("tests/engine/test_cursors.py"),
    ),
    Mutant(
        "cursors are not bound to a project",
        "app/schema/context.py",
        'scope = self.viewer.project_id.bytes if isinstance(self.viewer, Member) else b"no project"',
        'scope = b"no project"',
        by_tests("tests/abuse/test_c_reads.py::test_case_27_a_cursor_of_another_project_is_refused"),
    ),
    Mutant(
        "an id of another type is taken",
        f"{ENGINE}/ids.py",
        "    if found != type_name:\n        raise wrong_id(type_name, found, path)\n",
        "",
        by_tests("tests/abuse/test_c_ids.py", "tests/abuse/test_c_writes.py"),
    ),
    Mutant(
        "the list of an event costs what it likes",
        f"{ENGINE}/event_lists.py",
        "    if wanted <= room:\n",
        "    if wanted:\n",
        by_tests("tests/schema/test_reminder_feed_windows.py"),
    ),
    Mutant(
        "tabs push each other out",
        "app/http/account_sockets.py",
        "        return is_refused\n",
        "        return False\n",
        by_tests(
            "tests/http/test_account_sockets.py::test_tabs_that_come_back_settle_whatever_their_number_and_pauses"
        ),
    ),
    Mutant(
        "an id of another type is told when the mutation runs already",
        f"{ENGINE}/inputs.py",
        "            self._check_ids(name, declared, value)\n",
        "",
        by_tests("tests/abuse/test_c_ids.py"),
    ),
    Mutant(
        "the VAT id needs no right of its own",
        "app/schema/contacts.py",
        'vat_id = column(P.CONTACT_BILLING_READ, "VAT id',
        'vat_id = column(P.CONTACT_READ, "VAT id',
        by_worlds("vatId of a contact"),
    ),
    Mutant(
        "the tax number is read with the registration number",
        "app/schema/contacts.py",
        "tax_number = column(\n        P.CONTACT_BILLING_READ,",
        "tax_number = column(\n        P.CONTACT_READ,",
        by_worlds("taxNumber of a contact"),
    ),
    Mutant(
        "the tax number of base data is read with its IČO",
        "app/schema/divisions.py",
        "tax_number: str | None = field(\n        P.CONTACT_BILLING_READ,",
        "tax_number: str | None = field(\n        P.PROJECT_READ,",
        by_worlds("taxNumber of a Project", "taxNumber of a Division"),
    ),
    Mutant(
        "the tax number is searched",
        "app/services/contacts.py",
        '"registration_number", "city"',
        '"registration_number", "tax_number", "city"',
        by_tests("tests/schema/test_countries.py"),
    ),
    Mutant(
        "the rating is read by whoever writes contacts",
        "app/schema/contacts.py",
        'internal_rating = column(P.CONTACT_BILLING_READ, "What',
        'internal_rating = column(P.CONTACT_WRITE, "What',
        by_worlds("internalRating of a contact"),
    ),
)
