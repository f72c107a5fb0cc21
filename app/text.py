"""Text as people type it: what may be stored, how names sort in Czech, what a search compares.

Neither database sorts or folds Czech by itself, so both are worked out here and stored beside the text.
"""

import re
import unicodedata
from itertools import dropwhile

# A run of combining marks longer than this is no writing (Unicode's Stream-Safe Text Format allows 30), and
# normalising a long one takes quadratic time.
MAX_MARKS = 30
SORT_KEY_MAX = 500

_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
_NOT_IN_TEXT = re.compile(
    rf"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029{_BIDI_CONTROLS}\ud800-\udfff\ufffe\uffff]"
)
_NOT_IN_LINE = re.compile(rf"[\x00-\x1f\x7f-\x9f\u2028\u2029{_BIDI_CONTROLS}\ud800-\udfff\ufffe\uffff]")
_TURNS = re.compile(f"[{_BIDI_CONTROLS}]")
_LINE_ENDS = frozenset("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
_BLANKS = "".join(c for c in map(chr, range(0x3001)) if c.isspace())
_EDGE = _BLANKS + "\u00ad\u200b\u2060\ufeff"
# What Unicode counts as letters, marks or signs, and nobody sees: fillers of Hangul and of Braille, selectors of variants.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)))
)
#: So many characters before one that is to be deleted tell where it is.
SHOWN_BEFORE = 20

# Letters that Unicode does not take apart into a base letter and a mark.
_SPELT_OUT = str.maketrans(
    {"ß": "ss", "ł": "l", "đ": "d", "ø": "o", "ħ": "h", "ŧ": "t", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"}
    | {"ı": "i", "ĸ": "k", "ŋ": "n"}
)


class TooLong(ValueError):
    """More characters than the field holds."""


def clean_line(value: str, max_length: int) -> str:
    """`value` in NFC without blanks, tabs and line ends around it; empty if nothing visible is in it.

    Raises TooLong, or ValueError with a sentence that tells what to delete and where: for control characters (line ends
    and tabs inside too), characters that reverse the direction of writing, and halves of surrogate pairs.
    """
    return _clean(value, max_length, _NOT_IN_LINE)


def clean_visible(value: str, max_length: int) -> str:
    """As `clean_line`, for numbers and addresses: of what nobody sees, only blanks may stand inside.

    At the edges it is trimmed, as blanks are: copied text brings marks of its direction. Raises ValueError for one inside.
    """
    if len(value) <= _most_typed(max_length):
        seen = [place for place, character in enumerate(value) if _is_visible(character)]
        first, end = (seen[0], seen[-1] + 1) if seen else (0, 0)
        for place in range(first, end):
            if not (_is_visible(value[place]) or value[place].isspace()):
                raise ValueError(_what_to_delete(value, place))
        value = " " * first + value[first:end]  # so that places are still those of what was typed
    return clean_line(value, max_length)


def clean_name(value: str, max_length: int) -> str:
    """As `clean_line`. Raises ValueError too for a name in which nobody sees a letter or digit."""
    name = clean_line(value, max_length)
    if name and not any(character.isalnum() and character not in _FILLERS for character in name):
        raise ValueError(f"{shown(name)} has no letter and no digit. Write a name.")
    return name


def clean_text(value: str, max_length: int) -> str:
    """As `clean_line`, but lines (every kind of line end becomes a line feed) and tabs may stay."""
    return _clean(value.replace("\r\n", "\n").replace("\r", "\n"), max_length, _NOT_IN_TEXT)


def _clean(typed: str, max_length: int, forbidden: re.Pattern[str]) -> str:
    if len(typed) > _most_typed(max_length):
        raise TooLong(f"This is longer than {max_length:,} characters. Shorten it.")
    value = typed.strip(_EDGE)
    if found := forbidden.search(value):
        edge = len(typed) - len(typed.lstrip(_EDGE))
        raise ValueError(_what_to_delete(typed, edge + found.start()))
    if _has_piled_up_marks(value):
        raise ValueError("Too many accents are piled on one letter. Delete them, or type the text anew.")
    cleaned = "" if is_blank(value) else unicodedata.normalize("NFC", value)
    if len(cleaned) > max_length:
        raise TooLong(f"This has {len(cleaned):,} characters, {max_length:,} fit. Shorten it.")
    return cleaned


def _most_typed(max_length: int) -> int:
    """Composing shortens text four times at most, so more can never fit: no time is spent on it."""
    return 4 * max_length + 1_000


def _what_to_delete(value: str, place: int) -> str:
    """What stands there and is not stored, and where in the text as typed: on which line, and after which words of it."""
    beginning, line_number = value.rfind("\n", 0, place) + 1, value.count("\n", 0, place) + 1
    line = f" of line {line_number:,}" if "\n" in value[:place] else ""
    before = "".join(dropwhile(lambda each: not _is_visible(each), value[beginning:place]))
    cut = f"…{before[-SHOWN_BEFORE:]}" if len(before) > SHOWN_BEFORE else before
    where = f"after {shown(cut)}" if before else "at the beginning"
    return f"Delete {_named(value[place])} {where}: it is character {place - beginning + 1:,}{line}."


def _named(character: str) -> str:
    if character in "\n\r\t":
        return "the tab" if character == "\t" else "the line end"
    code = f"U+{ord(character):04X}"
    if character in _LINE_ENDS:
        return f"the line end {code}"
    if _TURNS.match(character):
        return f"the invisible character {code}, which turns the direction of writing,"
    if not _is_visible(character):
        return f"the invisible character {code}"
    return f"the character {code}, which is no text,"


def is_blank(value: str) -> bool:
    """Is there nothing to be seen in it? Control characters are no blanks, but for tabs and line ends."""
    return not any(_is_visible(character) for character in value)


def _is_visible(character: str) -> bool:
    if character.isascii():
        return not character.isspace()
    return not (character.isspace() or character in _FILLERS or unicodedata.category(character) == "Cf")


def _has_piled_up_marks(value: str) -> bool:
    if value.isascii():
        return False
    run = 0
    for character in value:
        run = run + 1 if unicodedata.combining(character) else 0
        if run > MAX_MARKS:
            return True
    return False


def shown(value: str, max_length: int = 60) -> str:
    """`value` fit to stand in a sentence to a person: on one line, bounded, in quotation marks."""
    visible = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in value[: max_length + 1])
    return f"“{visible}”" if len(visible) <= max_length else f"“{visible[:max_length]}…”"


def fold(text: str) -> str:
    """What a search compares: no accents, no case, single blanks, ł đ ø ß spelt with plain letters.

    Bound the text first: piled-up accents cost quadratic time.
    """
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    letters = "".join(c for c in decomposed if not _is_ignorable(c))
    return " ".join(letters.translate(_SPELT_OUT).split())


def _is_ignorable(character: str) -> bool:
    return not character.isascii() and unicodedata.category(character) in ("Mn", "Mc", "Me", "Cf")


# The sort key. Three levels, joined by "!": letters; then accents; then capitals. Each level is read only where the
# one before is equal. In the first level, from low to high:
#   "!" end of level · "#" blank · "$xx" ASCII punctuation · "%xxxxxx" other signs · "0"–"9" digit by digit
#   "a"–"z", each of c h r s z also with "~", which is above every other sign: "c~" = č (after all of c), "h~" = ch
#   "}xxxxxx" a letter of another alphabet, by code point.
# So blanks and signs come before digits, digits before letters: "A 1" < "A-1" < "A1" < "Aa". A name is read word by
# word: "Nový Svět" < "Novýbor". Printable ASCII, to be compared byte by byte (on PostgreSQL COLLATE "C").
_CARON = "\u030c"
_OWN_LETTERS = frozenset("crsz")
_MARK_WEIGHTS = {
    mark: weight
    for weight, mark in zip(
        # acute, grave, breve, circumflex, caron, ring, diaeresis, double acute, tilde, dot, ogonek, cedilla, macron
        "123456789abcd",
        "\u0301\u0300\u0306\u0302\u030c\u030a\u0308\u030b\u0303\u0307\u0328\u0327\u0304",
        strict=True,
    )
}
_OTHER_MARKS = "y"
_SPELT_OUT_WEIGHT = "z"


def sort_key(name: str) -> str:
    """ASCII text whose binary order is the order of a Czech dictionary (ČSN 97 6030, signs and digits first).

    č, ch, ř, š, ž are letters of their own (ch after h); á ď é ě í ň ó ť ú ů ý count only between words that are
    otherwise equal, and capitals only after that. At most 500 characters; empty only for empty text.
    """
    if not name:
        return ""
    elements = _elements(name)
    letters = "".join(letter for letter, _, _ in elements)
    accents = "".join(accent for _, accent, _ in elements).rstrip("0")
    capitals = "".join(capital for _, _, capital in elements).rstrip("0")
    return f"{letters}!{accents}!{capitals}"[:SORT_KEY_MAX]


Element = tuple[str, str, str]  # its letter, accent and capital weights
_PLAIN_C: tuple[Element, Element] = (("c", "0", "0"), ("c", "0", "1"))


def _elements(name: str) -> list[Element]:
    elements: list[Element] = []
    for base, marks in _clusters(" ".join(name.split())):
        if base in "hH" and not marks and elements and elements[-1] in _PLAIN_C:
            elements[-1] = _ch(first_is_capital=elements[-1] == _PLAIN_C[1], second_is_capital=base == "H")
        else:
            elements.extend(_weighed(base, marks))
    return elements


def _ch(*, first_is_capital: bool, second_is_capital: bool) -> Element:
    return ("h~", "0", str(2 * first_is_capital + second_is_capital))


def _clusters(name: str) -> list[tuple[str, str]]:
    """Each character with the marks that follow it."""
    clusters: list[tuple[str, str]] = []
    for character in unicodedata.normalize("NFKD", name[: 2 * SORT_KEY_MAX]):
        if not _is_ignorable(character):
            clusters.append((character, ""))
        elif clusters and unicodedata.combining(character):
            clusters[-1] = (clusters[-1][0], clusters[-1][1] + character)
    return clusters


def _weighed(base: str, marks: str) -> list[Element]:
    lower = base.lower()
    capital = "1" if lower != base else "0"
    if lower in _OWN_LETTERS and marks.startswith(_CARON):
        return [(lower + "~", _accent(marks[1:]), capital)]
    if (spelt := lower.translate(_SPELT_OUT)) != lower:
        return [(letter, _SPELT_OUT_WEIGHT, capital) for letter in spelt]
    return [(_letter(lower), _accent(marks), capital)]


def _accent(marks: str) -> str:
    if not marks:
        return "0"
    return _MARK_WEIGHTS.get(marks, _OTHER_MARKS)


def _letter(lower: str) -> str:
    if lower.isascii() and lower.isalnum():
        return lower
    if lower.isspace():
        return "#"
    if lower.isalpha():
        return f"}}{ord(lower[0]):06x}"
    if lower.isdecimal():
        return str(unicodedata.decimal(lower))
    return f"${ord(lower):02x}" if lower.isascii() else f"%{ord(lower[0]):06x}"
