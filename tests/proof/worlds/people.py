"""Who is who of the cast, by what they must not see. Written by hand: the policy is what is being tested."""

OUTSIDE = ("nobody", "account", "other_director", "other_external")
WITHOUT_ROLES = "without_roles"
EXTERNALS = (
    "external",
    "external_of_two",
    "external_sales",
    "external_director",
    "external_of_the_past",
    "external_alone",
)
OF_FIRST_PARTNER = ("external", "external_of_two")
OF_SECOND_PARTNER = ("external_sales", "external_director")
#: They are never shown a colleague, or the project's own data.
STRANGERS = (*OUTSIDE, WITHOUT_ROLES, *EXTERNALS)

TELEPHONISTS = ("telephonist", "telephonist_of_one", "flagged_telephonist")
TECHNICIANS = ("technician", "technician_of_none")
SALES = ("sales_rep", "sales_rep_of_two")
#: Everybody in the project but the director and the admin.
STAFF = (
    *TELEPHONISTS,
    *TECHNICIANS,
    "flagged_technician",
    *SALES,
    "sales_and_invoices",
    "technician_and_invoices",
    "complaints_and_sales",
    "complaints",
    "invoicer",
)
DIRECTORS = ("director", "director_of_one", "everywhere")
#: Whoever works with chosen divisions, none of them that of the foreign contact.
OF_OTHER_DIVISIONS = (
    "sales_rep_of_two",
    "telephonist_of_one",
    "technician_of_none",
    "director_of_one",
    *STRANGERS,
)
#: Nobody here may see anything of the other project.
OF_THIS_PROJECT = (*STAFF, *DIRECTORS, WITHOUT_ROLES, *EXTERNALS, "nobody")
EVERYBODY = (*OF_THIS_PROJECT, "account", "other_director", "other_external")

NO_BILLING_DATA = (*TELEPHONISTS, *TECHNICIANS, "flagged_technician", *STRANGERS)
NO_SERVICE = (*TELEPHONISTS, "invoicer", *STRANGERS)
#: Externals see sales activity of their own alone.
NO_SALES_OF_OTHERS = (*TECHNICIANS, "invoicer", "technician_and_invoices", *STRANGERS)
NO_INVOICES_OF_OTHERS = (
    *TELEPHONISTS,
    *TECHNICIANS,
    "flagged_technician",
    *SALES,
    "complaints",
    "complaints_and_sales",
    *STRANGERS,
)
#: They read the mail they wrote themselves, or none.
NO_MAIL_OF_OTHERS = (
    *TELEPHONISTS,
    *TECHNICIANS,
    "flagged_technician",
    "invoicer",
    "technician_and_invoices",
    *STRANGERS,
)
OWN_REMINDERS_ONLY = (
    *TELEPHONISTS,
    *TECHNICIANS,
    "flagged_technician",
    *SALES,
    "sales_and_invoices",
    "technician_and_invoices",
    "invoicer",
    *STRANGERS,
)
