"""The index file is whole or it is not there, and what cannot be used never replaces what can."""

import asyncio
import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest

from app.domain.gazetteer_index import build_index
from app.errors import GazetteerError
from app.gazetteer_file import (
    build_gazetteer,
    default_gazetteer,
    default_path,
    open_gazetteer,
    prepare_gazetteer,
    write_whole,
)
from app.gazetteer_sources import tables_digest
from tests.builders import place_rows

INDEX = build_index(place_rows(), {"sources": ["a test"]})


def test_an_index_is_opened_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "places.bin"
    write_whole(path, INDEX)
    gazetteer = open_gazetteer(path)
    assert gazetteer.lookup("جسر الشغور")[0].place_id == "p:jisr"
    assert gazetteer.facts["sources"] == ["a test"]
    assert [file.name for file in path.parent.iterdir()] == ["places.bin"]


@pytest.mark.parametrize(
    "content", [b"", b"x", INDEX[:-1], INDEX[: len(INDEX) // 2], b"\0" * len(INDEX), INDEX + b"\0"]
)
def test_a_file_that_is_not_whole_is_refused_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "places.bin"
    path.write_bytes(content)
    with pytest.raises(GazetteerError, match=r"places\.bin"):
        open_gazetteer(path)


def test_a_missing_file_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(GazetteerError, match="watchdesk gazetteer build"):
        open_gazetteer(tmp_path / "none.bin")


def test_a_reader_keeps_its_file_while_a_new_one_takes_its_place(tmp_path: Path) -> None:
    path = tmp_path / "places.bin"
    write_whole(path, INDEX)
    before = open_gazetteer(path)
    write_whole(path, build_index(place_rows()[:3]))
    assert before.lookup("Jisr al-Shughour")[0].place_id == "p:jisr"
    assert len(open_gazetteer(path)) == 3


def test_a_bad_table_leaves_the_index_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "places.bin"
    write_whole(path, INDEX)
    table = tmp_path / "mine.tsv"
    table.write_text("id\tname\tcountry\tlat\tlon\na\tA\tSY\t361\t2\n", encoding="utf-8")
    with pytest.raises(GazetteerError, match=r"mine\.tsv .*\n.*line 2: latitude 361"):
        build_gazetteer(path, extra=[table])
    assert path.read_bytes() == INDEX


def test_a_path_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    told: list[str] = []
    with pytest.raises(GazetteerError, match=rf"{tmp_path}/file/a/places\.bin cannot be written: Not a directory"):
        build_gazetteer(tmp_path / "file" / "a" / "places.bin", progress=lambda step, _, __: told.append(step))
    assert not told


def test_the_home_keeps_one_index_a_version() -> None:
    assert default_path(Path("var")).parent == Path("var/cache")


@pytest.mark.parametrize("facts", [{"extra": ["mine.tsv"], "digest": "old"}, {"extra": [], "digest": tables_digest()}])
def test_an_index_of_ones_own_or_of_these_tables_is_opened_as_it_is(tmp_path: Path, facts: dict[str, object]) -> None:
    write_whole(default_path(tmp_path), build_index(place_rows()[:5], facts))
    assert len(default_gazetteer(tmp_path)) == 5


async def test_an_index_that_is_ready_is_opened_without_a_build(tmp_path: Path) -> None:
    write_whole(default_path(tmp_path), build_index(place_rows()[:5], {"digest": tables_digest()}))
    built: list[bool] = []
    assert len(await prepare_gazetteer(tmp_path, lambda: built.append(True))) == 5
    assert not built


async def test_a_build_that_is_given_up_leaves_neither_a_process_nor_a_file(tmp_path: Path) -> None:
    building = asyncio.Event()
    work = asyncio.create_task(prepare_gazetteer(tmp_path, building.set))
    await building.wait()
    async with asyncio.timeout(30):
        while not multiprocessing.active_children():
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.01)
    assert not work.done()  # the loop turned while the work is done elsewhere
    (child,) = multiprocessing.active_children()
    half = default_path(tmp_path).with_name(f".{default_path(tmp_path).name}.{child.pid}")
    half.parent.mkdir(exist_ok=True)
    half.write_bytes(INDEX[:100])

    began = time.monotonic()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work

    assert time.monotonic() - began < 5
    assert not multiprocessing.active_children()
    assert not list(half.parent.iterdir())


def test_a_signal_that_is_meant_for_all_of_a_group_is_left_to_whoever_began_the_build(tmp_path: Path) -> None:
    def stop(step: str, done: int, total: int) -> None:
        del step, done, total
        (child,) = multiprocessing.active_children()
        assert child.pid is not None
        for number in (signal.SIGTERM, signal.SIGINT):
            os.kill(child.pid, number)
        time.sleep(0.2)  # long enough for a signal to end it
        assert child.is_alive()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_gazetteer(tmp_path / "places.bin", progress=stop)
    assert not multiprocessing.active_children()
    assert not list(tmp_path.iterdir())
