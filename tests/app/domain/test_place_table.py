"""A table of places is taken whole or not at all, and every error names its line."""

import pytest

from app.domain.gazetteer_index import PlaceRow
from app.domain.place_table import MOST_ERRORS, MOST_NAMES, merge_tables, read_table
from app.errors import GazetteerError

HEAD = "id\tname\tcountry\tlat\tlon"


def refused(content: bytes) -> str:
    with pytest.raises(GazetteerError) as raised:
        read_table(content, "mine.tsv")
    return raised.value.detail


def test_a_row_keeps_what_its_columns_say() -> None:
    head = "# our own\nname\tid\tlat\tlon\tcountry\tlevel\tradius_km\tpopulation\tparent\tnames\tsource\n"
    line = "Kafridin\tx:1\t35.85\t36.35\tsy\tvillage\t2.5\t1200\tx:2\tكفريدين| Kafr Idin |\town\n"
    assert read_table((head + line).encode(), "mine.tsv") == [
        PlaceRow("x:1", "Kafridin", "SY", 35.85, 36.35, "village", 1200, 2.5, ("كفريدين", "Kafr Idin"), ("x:2",))
    ]


@pytest.mark.parametrize("form", [HEAD + "\r\na\tA\tSY\t1\t2\r\n", "\ufeff" + HEAD + "\na\tA\tSY\t1\t2\n"])
def test_windows_line_ends_and_a_byte_order_mark_are_read(form: str) -> None:
    assert read_table(form.encode(), "mine.tsv")[0].name == "A"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a\tA\tSY\t361\t2", "line 2: latitude 361 out of range"),
        ("a\tA\tSY\tnan\t2", "line 2: latitude nan out of range"),
        ("a\tA\tSY\tnorth\t2", "line 2: latitude 'north' is no number"),
        ("a\tA\tSY\t\t2", "line 2: latitude is missing"),
        ("a\tA\tSyria\t1\t2", "line 2: country 'SYRIA' is no two-letter code"),
        ("a\t\tSY\t1\t2", "line 2: name has 0 characters"),
        ("a\tA\tSY", "line 2: 3 of 5 columns"),
        ("a\tA\tSY\t1\t2\nb\tB\tSY\t1\t2\na\tC\tSY\t1\t2", "line 4: id a stands in line 2 too"),
    ],
)
def test_an_error_names_its_line(line: str, says: str) -> None:
    detail = refused(f"{HEAD}\n{line}\n".encode())
    assert says in detail
    assert "nothing of it was taken" in detail


def test_the_first_fifty_errors_are_listed_together() -> None:
    lines = "\n".join(f"p{n}\tP\tSY\t99\t2" for n in range(200))
    detail = refused(f"{HEAD}\n{lines}\n".encode())
    assert detail.count("latitude 99") == MOST_ERRORS
    assert "the first 50" in detail


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"# only a remark\n", "is empty"),
        (b"id,name,country,lat,lon\n1,A,SY,1,2\n", "parted by tabs"),
        (b"id\tname\tlat\tlon\n", "no column country"),
        (HEAD.encode() + b"\tcolour\n", "unknown column 'colour'"),
        ("id\tname".encode("utf-16"), "UTF-16"),
        (HEAD.encode() + b"\na\t\xff\xfe\tSY\t1\t2\n", "line 2: not UTF-8"),
        (f"{HEAD}\tlevel\na\tA\tSY\t1\t2\tplanet\n".encode(), "level 'planet' is none of"),
        (f"{HEAD}\tradius_km\na\tA\tSY\t1\t2\t-3\n".encode(), "radius_km -3 out of range"),
        (f"{HEAD}\tnames\na\tA\tSY\t1\t2\t{'|'.join(f'n{n}' for n in range(MOST_NAMES + 1))}\n".encode(), "names"),
        (
            f"{HEAD}\tparent\na\tA\tSY\t1\t2\tb\nb\tB\tSY\t1\t2\tc\nc\tC\tSY\t1\t2\ta\n".encode(),
            "in a circle: a -> b -> c -> a",
        ),
        (f"{HEAD}\tparent\na\tA\tSY\t1\t2\ta\n".encode(), "in a circle: a -> a"),
    ],
)
def test_what_cannot_be_a_table_is_refused_with_the_reason(content: bytes, says: str) -> None:
    assert says in refused(content)


def test_a_merged_row_replaces_the_old_one_and_keeps_its_names() -> None:
    old = PlaceRow("x:1", "Old", "SY", 1, 2, names=("Older",))
    new = PlaceRow("x:1", "New", "SY", 3, 4, names=("Newer",))
    other = PlaceRow("x:2", "Other", "SY", 5, 6)
    merged = merge_tables([old, other], [new])
    assert [row.place_id for row in merged] == ["x:1", "x:2"]
    assert merged[0].lat == 3
    assert merged[0].names == ("Newer", "Old", "Older")
