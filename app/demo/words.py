"""Words for the demo data: Czech names whose sorting and searching are worth looking at. All firms are invented."""

SURNAMES = [
    "Novák",
    "Svoboda",
    "Novotný",
    "Dvořák",
    "Černý",
    "Procházka",
    "Kučera",
    "Veselý",
    "Horák",
    "Němec",
    "Pokorný",
    "Marek",
    "Pospíšil",
    "Hájek",
    "Jelínek",
    "Král",
    "Růžička",
    "Beneš",
    "Fiala",
    "Sedláček",
    "Doležal",
    "Zeman",
    "Kolář",
    "Krejčí",
    "Navrátil",
    "Čermák",
    "Urban",
    "Vaněk",
    "Blažek",
    "Kříž",
    "Kratochvíl",
    "Kopecký",
    "Chalupa",
    "Chmelař",
    "Čapek",
    "Řezníček",
    "Šimek",
    "Šťastný",
    "Žák",
    "Ďurica",
    "Ženíšek",
    "Říha",
    "Hruška",
    "Cibulka",
    "Chvátal",
]
FIRST_NAMES = [
    "Jan",
    "Petr",
    "Jiří",
    "Tomáš",
    "Ondřej",
    "Šimon",
    "Řehoř",
    "Čeněk",
    "Matěj",
    "Lukáš",
    "Eva",
    "Jana",
    "Věra",
    "Hana",
    "Zdeňka",
    "Šárka",
    "Žaneta",
    "Lenka",
    "Kateřina",
    "Božena",
]
FEMALE = frozenset(
    ["Eva", "Jana", "Věra", "Hana", "Zdeňka", "Šárka", "Žaneta", "Lenka", "Kateřina", "Božena"]
)
TRADES = [
    "stavby",
    "okna",
    "střechy",
    "pekárna",
    "truhlářství",
    "instalace",
    "účetnictví",
    "doprava",
    "zahrady",
    "tiskárna",
    "optika",
    "kovárna",
    "elektro",
    "lékárna",
    "pivovar",
    "čalounictví",
    "květiny",
    "servis",
    "sklenářství",
    "mlýn",
]
FORMS = ("s.r.o.", "a.s.", "v.o.s.", "spol. s r.o.")
CITIES = (
    ("Praha", "11000", "Dlouhá"),
    ("Brno", "60200", "Česká"),
    ("Ostrava", "70200", "Nádražní"),
    ("Plzeň", "30100", "Americká"),
    ("Liberec", "46001", "Moskevská"),
    ("Olomouc", "77900", "Ostružnická"),
    ("Český Krumlov", "38101", "Latrán"),
    ("Žďár nad Sázavou", "59101", "Žižkova"),
    ("Chrudim", "53701", "Široká"),
    ("Říčany", "25101", "Olivova"),
)
POSITIONS = ("jednatel", "nákupčí", "vedoucí provozu", "účetní", "asistentka")
CALLS = (
    "Zájem o nabídku, ozvat se příští týden",
    "Nebral telefon, zkusit odpoledne",
    "Domluvena schůzka v sídle firmy",
    "Poslán ceník e-mailem",
    "Chce mluvit s technikem",
)
SERVICE = (
    "Vyměněn filtr, zařízení v pořádku",
    "Nahlášena závada, technik přijede zítra",
    "Proběhla roční prohlídka",
)
COMPLAINTS = ("Reklamuje poškozený obal", "Reklamace uznána, posíláme nový kus")
BILLING = ("Faktura zaplacena po splatnosti", "Dohodnut splátkový kalendář")
TASKS = (
    "Zavolat zpět",
    "Poslat cenovou nabídku",
    "Ověřit adresu dodání",
    "Připravit smlouvu",
    "Zeptat se na spokojenost",
)


def surname_of(first_name: str, surname: str) -> str:
    """The surname in the gender of the first name: Novák → Nováková, Veselý → Veselá, Krejčí stays."""
    if first_name not in FEMALE or surname.endswith("í"):
        return surname
    if surname.endswith("ý"):
        return f"{surname[:-1]}á"
    if surname.endswith("a"):
        return f"{surname[:-1]}ová"
    if surname.endswith(("ek", "ec")):
        return f"{surname[:-2]}{surname[-1]}ová"
    return f"{surname}ová"
