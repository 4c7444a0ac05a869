"""Writing a model file: what a crash, a full disk or another writer leaves."""

import os
import stat
import sys

import pytest
from numpy.testing import assert_array_equal

import bpcore
from bpcore import Network
from bpcore.files import replace, writer

safetensors = pytest.importorskip("safetensors", reason='model files need the extra "files"')
from model_files import small  # noqa: E402


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def test_a_write_that_fails_leaves_the_old_file(path, monkeypatch):
    small().save(path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        small(activation="relu").save(path)
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_the_disk_is_told_before_the_name_changes(path, monkeypatch):
    """Content, then name, then folder: in another order a crash could lose both files."""
    calls = []

    def noting(name, function):
        def noted(*args):
            calls.append(name)
            return function(*args)

        return noted

    monkeypatch.setattr(os, "fsync", noting("fsync", os.fsync))
    monkeypatch.setattr(os, "replace", noting("replace", os.replace))
    small().save(path)
    assert calls == ["fsync", "replace", *(["fsync"] if os.name == "posix" else [])]


@pytest.mark.skipif(replace.fcntl is None, reason="no locks on files")
def test_what_killed_writers_left_is_removed_and_nothing_else(path):
    folder = path.parent
    left = folder / f".{path.name}.0123456789ab.partial"
    others = [folder / f".{path.name}.x.part", folder / ".other.safetensors.1.partial"]
    for one in (left, *others):
        one.mkdir()
        (one / "new").write_bytes(b"half a file")
    with replace._folder_beside(path) as in_use:
        small().save(path)
        assert in_use.exists()
    assert sorted(folder.iterdir()) == sorted([path, *others])


def test_a_folder_taken_for_abandoned_is_made_again(path, monkeypatch):
    """Another writer may come between its creation and its lock."""
    lock = replace.fcntl.flock
    calls = []

    def flock(descriptor, how):
        calls.append(how)
        if len(calls) == 1:
            (made,) = path.parent.iterdir()
            made.rmdir()
        lock(descriptor, how)

    monkeypatch.setattr(replace.fcntl, "flock", flock)
    small().save(path)
    assert len(calls) == 2
    assert list(path.parent.iterdir()) == [path]


def test_without_locks_files_are_written_all_the_same(path, monkeypatch):
    monkeypatch.setattr(replace, "fcntl", None)
    small().save(path)
    small(activation="relu").save(path)
    assert bpcore.load(path).activations[0] == "relu"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.skipif(os.name != "posix", reason="rights and links of POSIX")
def test_rights_and_links_stay(path, tmp_path):
    umask = os.umask(0o027)
    try:
        small().save(path)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o604)
    link = tmp_path / "link"
    link.symlink_to(path)
    small(activation="relu").save(link)
    assert link.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert bpcore.load(path).activations[0] == "relu"


def test_targets_that_cannot_be_written_to(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a folder"):
        small().save(tmp_path)
    with pytest.raises(FileNotFoundError, match="make it, to write"):
        small().save(tmp_path / "nowhere" / "model")


def test_only_models_are_saved(path):
    class Mine(Network):
        pass

    for thing in (5, Mine((2, 1)), Network):
        with pytest.raises(TypeError, match="a model file holds a Network or one"):
            bpcore.model_file.save(path, thing)
    assert not path.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="paths of Windows are short")
def test_a_name_as_long_as_names_can_be(tmp_path):
    for name in ("x" * 255, "é" * 127):
        network = Network((2, 1), random_state=0)
        network.save(tmp_path / name)
        assert_array_equal(bpcore.load(tmp_path / name).parameters, network.parameters)
    assert len(list(tmp_path.iterdir())) == 2


def test_too_much_beside_the_tensors_is_refused(path, monkeypatch):
    monkeypatch.setattr(writer, "LONGEST_HEADER", 500)
    with pytest.raises(ValueError, match=r"beside tensors .* takes [\d,]+ bytes"):
        small().save(path)
    assert not path.exists()
