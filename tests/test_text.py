"""Czech order, folding and what may be stored, checked against lists that a Czech dictionary orders by eye."""

import re
import time
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.text import (
    SORT_KEY_MAX,
    TooLong,
    clean_line,
    clean_name,
    clean_text,
    clean_visible,
    fold,
    shown,
    sort_key,
)

# fmt: off
CZECH_LETTERS = [
    "a", "A", "á", "Á", "b", "c", "C", "č", "Č", "d", "ď", "e", "é", "ě", "f", "g", "h", "H", "ch", "Ch", "CH",
    "i", "í", "j", "k", "l", "m", "n", "ň", "o", "ó", "p", "q", "r", "ř", "s", "š", "t", "ť", "u", "ú", "ů", "v",
    "w", "x", "y", "ý", "z", "ž", "Ž",
]
CZECH_NAMES = [
    " ", "- pomlčka", "1. máje", "10 let", "2. patro", "Abeceda", "Adam", "Capek", "Cyril", "čaj",
    "Čapek", "čaplí", "Čech", "ďábel", "Dvořák", "Hus", "hzz", "chalupa", "Chalupa", "Chlad", "chrám", "Ibsen",
    "Novák", "Nováková", "Novotný", "Nový Bor", "Nový Svět", "Novýbor", "rak", "razítko", "Řehák", "řeka", "sud",
    "Svoboda", "Šimek", "štít", "udice", "úl", "ulice", "únor", "ústa", "ůstřel", "zadek", "zub", "žába", "Žižka",
]
# fmt: on


@pytest.mark.parametrize("words", [CZECH_LETTERS, CZECH_NAMES])
def test_keys_sort_in_binary_as_a_czech_dictionary(words: list[str]) -> None:
    backwards = words[::-1]

    assert sorted(backwards, key=sort_key) == words


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Čapek", "Dvořák"),
        ("hory", "chata"),
        ("cz", "č"),
        ("hz", "ch"),
        ("ch", "i"),
        ("rad", "rád"),
        ("rád", "rada"),
        ("rada", "ráda"),
        ("ráda", "radar"),
        ("novák", "Novák"),
        ("Novák", "nováka"),
        ("su", "sú"),
        ("sú", "sů"),
        ("Nový Svět", "Novýbor"),
        ("A 1", "A-1"),
        ("A-1", "A1"),
        ("A1", "Aa"),
        ("ČEZ", "ČEZ, a. s."),
        ("Muller", "Müller"),
        ("Müller", "Mullera"),
        ("Lodz", "Łódź"),
        ("Łódź", "Lodza"),
        ("Zub", "Žid"),
        ("Zuzana", "Анна"),
        ("Žužu", "Анна"),
    ],
)
def test_one_name_comes_before_another(first: str, second: str) -> None:
    assert sort_key(first) < sort_key(second)


def test_the_form_of_the_accents_and_the_blanks_make_no_difference() -> None:
    assert sort_key("Čapek") == sort_key("C\u030capek")
    assert sort_key("  Nový \u00a0 Bor ") == sort_key("Nový Bor")


def test_c_and_h_are_one_letter_only_side_by_side() -> None:
    assert sort_key("c h") < sort_key("ca")
    assert sort_key("čh") < sort_key("či")
    assert sort_key("ch") > sort_key("hzzz")


@given(st.text())
@example("\u0301")
@example("\u200b")
@example("\ud800")
@example("ﷺ" * 600)
def test_a_key_is_bounded_printable_ascii_and_never_empty(name: str) -> None:
    key = sort_key(name)

    assert key.isascii()
    assert key.isprintable()
    assert len(key) <= SORT_KEY_MAX
    assert bool(key) == bool(name)


@given(st.text(alphabet="acčhiřz áž1-", min_size=1), st.sampled_from("acčhiz1á"))
def test_a_name_comes_before_the_longer_one_that_begins_with_it(name: str, letter: str) -> None:
    assert sort_key(name) < sort_key(name + letter)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Žluťoučký  KŮŇ", "zlutoucky kun"),
        ("C\u030capek", "capek"),
        ("Łódź Đorđe Søren Straße", "lodz dorde soren strasse"),
        ("ＦＩＲＭＡ ①", "firma 1"),
        ("a\u200bb\u00adc", "abc"),
        ("İstanbul ISPARTA", "istanbul isparta"),
        ("\t Nový\n Bor\u00a0", "novy bor"),
    ],
)
def test_folding_removes_accents_and_case(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


LINE_ENDS = ["\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
NO_TEXT = ["\x00", "\x1b", "\x7f", "\u202e", "\u2066", "\ud800", "\uffff"]


@pytest.mark.parametrize("character", [*NO_TEXT, *LINE_ENDS, "\n", "\r", "\r\n", "\t"])
def test_a_line_refuses_what_is_not_written_text(character: str) -> None:
    with pytest.raises(ValueError, match=r"^Delete the .+ after “a”: it is character 2\.$"):
        clean_line(f"a{character}b", 100)


@pytest.mark.parametrize("character", [*NO_TEXT, *LINE_ENDS])
def test_a_text_refuses_what_is_not_written_text(character: str) -> None:
    with pytest.raises(ValueError, match=r"^Delete the .+ after “a”: it is character 2 of line 3\.$"):
        clean_text(f"x\ny\r\na{character}b", 100)


@pytest.mark.parametrize("character", NO_TEXT)
def test_what_is_no_text_is_refused_at_the_edges_too(character: str) -> None:
    for value in (f"a{character}", f"{character}a", character):
        with pytest.raises(ValueError, match=r"^Delete the "):
            clean_line(value, 100)


@pytest.mark.parametrize("edge", ["\t", "\n", "\r\n", "\r", *LINE_ENDS, " \t\r\n \u00a0\u200b"])
def test_tabs_and_line_ends_at_the_edges_are_trimmed_like_blanks(edge: str) -> None:
    for clean in (clean_line, clean_name, clean_text):
        assert clean(f"{edge}Novák s.r.o.{edge}", 12) == "Novák s.r.o."
        assert clean(edge, 12) == ""


@pytest.mark.parametrize(
    ("pasted", "said"),
    [
        ("Jan\tNovák", "Delete the tab after “Jan”: it is character 4."),
        (
            "Řezník a syn, spol. s r. o.\r\nBrno",
            "Delete the line end after “…a syn, spol. s r. o.”: it is character 28.",
        ),
        (
            "\n\u202eNovák",
            "Delete the invisible character U+202E, which turns the direction of writing, at the beginning: "
            "it is character 1 of line 2.",
        ),
        ("\t\t  Alfa\tB", "Delete the tab after “Alfa”: it is character 9."),
        (
            "   " + 30 * "a" + "\x00",
            f"Delete the character U+0000, which is no text, after “…{20 * 'a'}”: it is character 34.",
        ),
        ("a\x00", "Delete the character U+0000, which is no text, after “a”: it is character 2."),
    ],
)
def test_the_sentence_names_what_to_delete_and_where(pasted: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        clean_line(pasted, 100)


def test_the_place_is_that_of_the_text_as_typed() -> None:
    said = "Delete the character U+0000, which is no text, after “b”: it is character 4 of line 4."
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        clean_text("\r\n\n a\n  b\x00", 100)


#: What a program or a page puts before and behind a number that it copies: marks of the direction, one after the other.
COPIED_WITH = ["\u200e", "\u202a\u202d", "\u202c\u200f", "\u2066\u2069", "\u200b \ufeff\t", "\U000e0041"]


@pytest.mark.parametrize("edge", COPIED_WITH)
def test_what_nobody_sees_around_a_number_is_trimmed(edge: str) -> None:
    assert clean_visible(f"{edge}605 123 456{edge}", 100) == "605 123 456"
    assert clean_visible(edge, 100) == ""


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("a\u200b@b.cz", "Delete the invisible character U+200B after “a”: it is character 2."),
        ("\u200e605\u00ad123", "Delete the invisible character U+00AD after “605”: it is character 5."),
        (
            "605\u202d123",
            "Delete the invisible character U+202D, which turns the direction of writing, after “605”: it is character 4.",
        ),
        ("\u200e 605\t1", "Delete the tab after “605”: it is character 6."),
        ("605\x001", "Delete the character U+0000, which is no text, after “605”: it is character 4."),
    ],
)
def test_what_nobody_sees_inside_a_number_is_named(typed: str, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(said)}$"):
        clean_visible(typed, 100)


#: Tag characters, fillers of Hangul and Braille, joiners, selectors of variants: nobody sees any of them.
UNSEEN = [
    "\U000e0041\U000e0042",
    "\u3164",
    "\u115f\uffa0",
    "\u2800",
    "\u200d\u200c",
    "\ufe0f",
    "\u200e\u00ad",
]


@pytest.mark.parametrize("unseen", UNSEEN)
def test_what_nobody_sees_is_blank_and_makes_no_name(unseen: str) -> None:
    assert clean_line(unseen, 100) == clean_text(f" {unseen}\n", 100) == clean_name(unseen, 100) == ""
    with pytest.raises(ValueError, match="has no letter and no digit"):
        clean_name(f"-{unseen}", 100)


@pytest.mark.parametrize("name", ["3M", "Ж", "株式会社", "①", "A\U000e0041", "🍕 Pizza", "-a-"])
def test_one_letter_or_digit_makes_a_name(name: str) -> None:
    assert clean_name(name, 100) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize("name", ["-", "🍕", "\u0301", "!?", "…"])
def test_signs_alone_are_a_line_and_no_name(name: str) -> None:
    assert clean_line(name, 100) == name
    with pytest.raises(ValueError, match=r"has no letter and no digit\. Write a name\."):
        clean_name(name, 100)


def test_many_blanks_inside_cost_no_time() -> None:
    """By a pattern that looks for blanks at the end, from each of them anew, these took minutes."""
    pasted = "a" + " " * 400_000 + "b"

    assert clean_text(pasted, 400_002) == pasted


def test_a_text_keeps_its_lines_with_one_kind_of_end() -> None:
    assert clean_text(" a\r\nb\rc\n\td \n", 100) == "a\nb\nc\n\td"


def test_what_is_stored_is_composed_and_has_no_blanks_around_it() -> None:
    assert clean_line(" \u00a0C\u030capek\u200b ", 5) == "Čapek"
    assert clean_line("\u200b \ufeff", 5) == ""
    assert clean_line("👩\u200d👧", 5) == "👩\u200d👧"


def test_what_does_not_fit_says_how_much_fits() -> None:
    with pytest.raises(TooLong, match=r"This has 6 characters, 5 fit\. Shorten it\."):
        clean_line("Čapek!", 5)
    with pytest.raises(TooLong, match="longer than 5 characters"):
        clean_line("x" * 10_000, 5)


def test_piled_up_accents_are_refused_before_they_cost_time() -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError, match="Too many accents"):
        clean_text("a" + "\u0301\u0323" * 40_000, 100_000)

    assert time.perf_counter() - began < 1


def test_a_value_in_a_sentence_is_on_one_line_and_bounded() -> None:
    assert shown("a\r\nb\u202e") == "“a��b�”"
    assert shown("x" * 100, 5) == "“xxxxx…”"
