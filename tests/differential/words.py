"""Text of the world: Czech, quoted, escaped, tied, and whatever else a database or JSON may trip over."""

NAMES = (
    "Čáp",
    "Čáp",
    "Čapek",
    "Dvořák",
    "Chrt",
    "Had",
    "had",
    "Ídlo s. r. o.",
    "Novák & synové",
    'Nový "Svět"',
    "O'Brien",
    "Řehoř \\ Žižka",
    "100% jistota",
    "a_b",
    "Příliš žluťoučký kůň",
    "Łódź GmbH ß",
    "Ωμέγα 🐎",
)
CITIES = ("Brno", "Žďár nad Sázavou", "praha", "Praha", "Ústí")
WORDS = (
    "Hovor",
    "Hovor",
    "Schůzka v 9:00",
    'Nabídka "A"',
    "Cesta C:\\data",
    "'; DROP TABLE contacts; --",
    "null",
    "🐎 ě š č ř ž ý á í é",
    '{"json": [1, null]}',
    "$1 %s ? :id",
)
TEXTS = (
    "Jeden řádek.",
    "Dva\nřádky a\ttabulátor",
    "Řídicí \x01 \x1f \x7f znaky",
    "Oddělovač \u2028 a \u00a0 mezera, </script>",
    "",
    "x" * 3_000,
)
