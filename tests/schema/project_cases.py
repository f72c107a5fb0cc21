"""What is no good base data, of a project or a division: the field, the value, the fault."""

LONG = "ž" * 10_000
BASE_DATA = [
    ("name", "", "REQUIRED"),
    ("name", " \u200b ", "REQUIRED"),
    ("name", LONG, "TOO_LONG"),
    ("name", "dva\nřádky", "INVALID"),
    ("name", "nul\x00", "INVALID"),
    ("name", "čára\u2028dál", "INVALID"),
    ("email", "a@x.cz> SIZE=1", "INVALID"),
    ("email", "a@x.cz, b@y.cz", "INVALID"),
    ("email", "a@x.cz\r\nBcc: b@y.cz", "INVALID"),
    ("email", f"{LONG}@x.cz", "TOO_LONG"),
    ("ico", "27082441", "INVALID"),
    ("vatId", "CZ12345678", "INVALID"),
    ("legalForm", LONG, "TOO_LONG"),
    ("address", {"city": "Brno\u2028venkov"}, "INVALID"),
    ("address", {"country": "Česko"}, "INVALID"),
    ("address", {"postalCode": "??"}, "INVALID"),
]
