"""Setting up: a user's settings, turns, the use of an environment, make's end."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.environment import __main__ as setting_up
from helpers.environment import surroundings, turns, watch

LISTED = """\
:env:.index-url='https://variable/simple'
global.cert='/a place/ca.pem'
global.index-url='https://file/simple'
global.find-links='one two'
global.timeout='60'
global.user='yes'
install.target='/elsewhere'
install.timeout='90'
"""


def test_where_packages_come_from_is_kept_and_nothing_else():
    kept = {"index-url": "https://variable/simple", "cert": "/a place/ca.pem"}
    kept |= {"find-links": "one two", "timeout": "90"}
    assert surroundings.read_settings(LISTED) == kept


def test_pip_itself_lists_what_a_file_and_variables_say(tmp_path, monkeypatch):
    file = tmp_path / "pip.conf"
    file.write_text(
        "[global]\nuser = yes\nextra-index-url =\n  file:///a\n  file:///b\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(file))
    monkeypatch.setenv("PIP_TARGET", "/elsewhere")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror/simple")
    settings = surroundings.pip_settings(Path(sys.executable))
    assert settings["index-url"] == "https://mirror/simple"
    assert settings["extra-index-url"].split() == ["file:///a", "file:///b"]
    assert settings.keys() <= set(surroundings.KEPT_BY_PIP)


@pytest.fixture
def misled(monkeypatch):
    """Variables that would lead pip, uv or Python to another environment."""
    misleading = (
        *("PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_CONSTRAINT", "PIP_NO_BINARY"),
        *("UV_SYSTEM_PYTHON", "UV_PYTHON", "UV_PROJECT_ENVIRONMENT", "UV_CONSTRAINT"),
        *("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH"),
    )
    for name in misleading:
        monkeypatch.setenv(name, "1")
    return set(misleading)


def test_no_other_setting_reaches_pip_or_uv(misled, monkeypatch):
    variables = surroundings.for_pip({"extra-index-url": "file:///a file:///b"})
    assert not misled & variables.keys()
    assert variables["PIP_EXTRA_INDEX_URL"] == "file:///a file:///b"
    assert variables["PIP_CONFIG_FILE"] == os.devnull
    assert variables["PATH"] == os.environ["PATH"]
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_FIND_LINKS", "SSL_CERT_FILE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    settings = surroundings.read_settings(LISTED)
    variables = surroundings.for_uv(settings)
    assert not misled & variables.keys()
    assert variables["UV_DEFAULT_INDEX"] == "https://variable/simple"
    assert variables["UV_FIND_LINKS"] == "one,two"
    assert variables["SSL_CERT_FILE"] == "/a place/ca.pem"
    assert variables["UV_HTTP_TIMEOUT"] == "90"
    for name in names[1::-1]:  # what was named for uv outweighs that of pip
        monkeypatch.setenv(name, f"https://{name}")
        assert surroundings.for_uv(settings)["UV_DEFAULT_INDEX"] == f"https://{name}"


def test_nobody_waits_where_the_file_system_has_no_locks(tmp_path, monkeypatch, capsys):
    with turns.one_at_a_time(tmp_path / "lock", "x"), open(tmp_path / "lock") as other:
        assert not turns.can_lock(other)
    with open(tmp_path / "lock") as other:
        assert turns.can_lock(other)

    def refuse(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(turns.fcntl, "flock", refuse)
    with turns.one_at_a_time(tmp_path / "lock", "never comes"):
        assert capsys.readouterr().out == ""


def test_a_python_of_the_environment_is_seen_for_as_long_as_it_runs(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(setting_up, "IN_USE", tmp_path / "in-use")
    setting_up.IN_USE.touch()
    script = f"import sys; sys.prefix = {str(tmp_path)!r}\n{setting_up.HOLD_IN_USE}"
    script += "print('here', flush=True)\nsys.stdin.read()"
    words = [sys.executable, "-E", "-s", "-S", "-c", script]
    pipe = subprocess.PIPE
    with subprocess.Popen(words, stdin=pipe, stdout=pipe) as running:
        running.stdout.readline()
        with pytest.raises(SystemExit, match="in use"):
            setting_up.refuse_if_used()
    setting_up.refuse_if_used()


def test_the_use_is_noted_wherever_a_python_starts_and_harms_none(
    tmp_path, monkeypatch
):
    packages = tmp_path / "lib" / "python3.11" / "site-packages"
    packages.mkdir(parents=True)
    monkeypatch.setattr(setting_up, "VENV", tmp_path)
    monkeypatch.setattr(setting_up, "IN_USE", tmp_path / "in-use")
    setting_up.note_use()
    start = f"import site; site.addsitedir({str(packages)!r})"
    for root in (tmp_path, "/nowhere"):
        script = f"import sys; sys.prefix = {str(root)!r}\n{start}\n"
        script += "print(hasattr(sys.modules['venv_in_use'], 'fcntl'))"
        words = [sys.executable, "-E", "-s", "-S", "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux shows it")
def test_a_process_that_handles_or_ignores_its_signals_has_received_none():
    before = {number: signal.getsignal(number) for number in watch.NOT_PASSED_ON}
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        assert watch.signal_received(os.getpid()) is None
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        assert watch.signal_received(os.getpid()) is signal.SIGHUP
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    assert watch.signal_received(gone.pid) is signal.SIGTERM


def test_uv_copies_where_its_cache_lies_on_another_disk(tmp_path, monkeypatch):
    monkeypatch.setattr(setting_up, "VENV", tmp_path)
    here = {"UV_CACHE_DIR": str(tmp_path / "not" / "there" / "yet")}
    assert setting_up.on_one_disk(here)
    assert not setting_up.on_one_disk({"UV_CACHE_DIR": "/dev/uv"})
