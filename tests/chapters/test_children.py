"""Command lines in processes of their own, several at once."""

import pytest

from helpers.chapters import children


def test_several_at_once_say_what_each_says_and_the_worst_status_counts(tmp_path):
    """Two that wait for each other, and one that is wrong."""
    said = []
    words = [["plan", "--help"], ["status", "--help"], ["nonsense"]]
    assert children.run_at_once(tmp_path, words, 2, said.append) == 2
    assert len(said) == 3 and any("No such command" in text for text in said)


def test_one_that_is_killed_counts_as_failed(tmp_path, monkeypatch):
    popen = children.subprocess.Popen

    def die(words, **options):
        return popen(["bash", "-c", "kill -9 $$"], **options)

    monkeypatch.setattr(children.subprocess, "Popen", die)
    assert children.run_at_once(tmp_path, [[], []], 2, print) == 1


def test_what_runs_at_once_ends_with_the_first_error(tmp_path, monkeypatch):
    popen, begun = children.subprocess.Popen, []

    def sleep(words, **options):
        begun.append(popen([words[0], "-c", "import time; time.sleep(600)"], **options))
        if len(begun) == 2:
            raise OSError("no more processes")
        return begun[-1]

    monkeypatch.setattr(children.subprocess, "Popen", sleep)
    with pytest.raises(OSError, match="no more processes"):
        children.run_at_once(tmp_path, [[], []], 2, print)
    assert begun[0].wait(60) != 0
    begun[1].kill()
    begun[1].wait()
