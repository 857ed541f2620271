"""``kdref vectors``: the list, and files that are whole, complete, and never replaced silently."""

import json
from pathlib import Path

import pytest

from kdref import cli
from kdref.conformance import load_vectors, vector_names
from kdref.conformance.vectors import texts


def test_list_counts_the_vectors_of_every_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["vectors", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["file", "loss", "valid", "acceptable", "invalid"]
    assert [line.split()[0] for line in lines[2:-2]] == [f"{name}.json" for name in vector_names()]
    total = sum(len(load_vectors(name).vectors) for name in vector_names())
    assert lines[-1] == f"{total} vectors in {len(vector_names())} files"


def test_list_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["vectors", "list", "--json"]) == 0
    found = {entry["file"]: entry for entry in json.loads(capsys.readouterr().out)}
    hint = load_vectors("hint").vectors
    assert found["hint.json"] == {
        "file": "hint.json",
        "loss": "hint",
        **{
            result: sum(v.result == result for v in hint)
            for result in ("valid", "acceptable", "invalid")
        },
    }


def test_export_writes_every_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "new" / "vectors"
    assert cli.main(["vectors", "export", str(target)]) == 0
    assert {path.name: path.read_bytes() for path in target.iterdir()} == texts()
    assert {"schema.json", "notes.json", "forward_kl.json"} <= set(texts())
    assert capsys.readouterr().out == f"{target}: {len(texts())} written\n"


def test_export_names_what_it_replaces_and_leaves_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli.main(["vectors", "export", str(tmp_path)])
    (tmp_path / "hint.json").write_text("mine", encoding="utf-8")
    (tmp_path / "other.json").write_text("mine too", encoding="utf-8")
    untouched = (tmp_path / "flow.json").stat().st_mtime_ns
    capsys.readouterr()
    assert cli.main(["vectors", "export", str(tmp_path)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert first == f"replaced {tmp_path / 'hint.json'}, which was different"
    assert last == f"{tmp_path}: {len(texts()) - 1} unchanged, 1 replaced"
    assert (tmp_path / "hint.json").read_bytes() == texts()["hint.json"]
    assert (tmp_path / "other.json").read_text(encoding="utf-8") == "mine too"
    assert (tmp_path / "flow.json").stat().st_mtime_ns == untouched


def test_export_to_a_file_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "file"
    place.write_text("mine", encoding="utf-8")
    assert cli.main(["vectors", "export", str(place)]) == 2
    assert capsys.readouterr().err.startswith("kdref: error: ")
    assert place.read_text(encoding="utf-8") == "mine"


def test_vectors_needs_an_action(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["vectors"])
    assert stop.value.code == 2
    assert "ACTION" in capsys.readouterr().err
