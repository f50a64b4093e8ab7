"""Files and folders appear whole or not at all."""

from __future__ import annotations

import json
import os

import pytest

from drivesim import atomic
from drivesim.errors import UserError


def test_written_json_reads_back_and_leaves_no_partial(tmp_path):
    atomic.write_json(tmp_path / "a" / "x.json", {"b": 1, "a": [1.5]})
    assert json.loads((tmp_path / "a" / "x.json").read_text()) == {"a": [1.5], "b": 1}
    assert os.listdir(tmp_path / "a") == ["x.json"]


def test_nan_is_refused_and_the_old_file_stays(tmp_path):
    path = atomic.write_json(tmp_path / "x.json", {"v": 1})
    with pytest.raises(ValueError, match="JSON"):
        atomic.write_json(path, {"v": float("nan")})
    assert json.loads(path.read_text()) == {"v": 1}


def test_failed_move_leaves_the_old_file(tmp_path, monkeypatch):
    path = atomic.write_text(tmp_path / "x.txt", "old")

    def refuse(*_):
        raise OSError("disk is gone")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(OSError, match="disk is gone"):
        atomic.write_text(path, "new")
    assert path.read_text() == "old"


def test_folder_appears_only_when_its_block_ends(tmp_path):
    out = tmp_path / "clip"
    with atomic.new_folder(out) as folder:
        (folder / "a.txt").write_text("a")
        assert not out.exists()
    assert (out / "a.txt").read_text() == "a"
    assert os.listdir(tmp_path) == ["clip"]


def test_folder_of_a_failed_block_is_absent(tmp_path):
    def fail():
        with atomic.new_folder(tmp_path / "clip") as folder:
            (folder / "a.txt").write_text("a")
            raise RuntimeError("boom")

    with pytest.raises(RuntimeError, match="boom"):
        fail()
    assert os.listdir(tmp_path) == []


def test_filled_folder_is_never_replaced(tmp_path):
    (tmp_path / "clip").mkdir()
    (tmp_path / "clip" / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="already there"), atomic.new_folder(tmp_path / "clip"):
        pass
    assert (tmp_path / "clip" / "mine.txt").read_text() == "mine"
