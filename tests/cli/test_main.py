import subprocess
import sys
import warnings

import pytest

from jaxpose import cli
from jaxpose.cli.models import Models
from jaxpose.errors import JaxposeError, JaxposeWarning, VideoError

HEAVY = "jax", "numpy", "cv2", "av", "scipy", "flax"


@pytest.mark.parametrize(
    "arguments",
    [
        "--help",
        "demo --help",
        "track --help",
        "import --help",
        "fetch --help",
        "models --help",
        "evaluate --help",
        "fit-thresholds --help",
        "--version",
    ],
)
def test_help_imports_nothing_heavy(arguments):
    code = (
        f"import sys; from jaxpose.cli import main; code = main({arguments.split()}); "
        f"print('heavy:', *[name for name in {HEAVY} if name in sys.modules]); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].strip() == "heavy:"
    assert len(done.stdout.splitlines()) > 1


def test_a_reader_who_has_gone_is_no_error(shared_data):
    truth = shared_data / "tracks" / "stadtmitte" / "gt.txt"
    command = f"{sys.executable} -m jaxpose evaluate {truth} --against {truth} --output json | true"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert done.returncode == 141
    assert done.stderr == ""


def test_help_names_every_command_and_option(capsys):
    assert cli.main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(command in shown for command in cli.COMMANDS)
    assert cli.main(["track", "--help"]) == 0
    shown = capsys.readouterr().out
    options = "--model --out --render --size --max-people --chunk --overwrite --identities.max-missed"
    assert all(option in shown for option in options.split())


def test_version(capsys):
    import jaxpose

    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == jaxpose.__version__


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["track", "in.mp4", "--model", "m", "--out", "o.jsonl", "--rendr", "x.mp4"], "--render"),
        (["track", "in.mp4", "--model", "m", "--out", "o.jsonl", "--identities.max-mised", "3"], "max-missed"),
        (["track", "in.mp4", "--model", "m", "--out", "o.jsonl", "--size", "big"], "big"),
        (["track", "in.mp4", "--model", "m"], "--out"),
        (["trak"], "track"),
        ([], "track"),
    ],
)
def test_a_wrong_option_ends_with_2_and_tells_what_is_known(arguments, told, capsys):
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert told in captured.out + captured.err
    assert "Traceback" not in captured.err


@pytest.fixture
def command(monkeypatch):
    """Sets what `jaxpose models` does."""
    return lambda run: monkeypatch.setattr(Models, "run", run)


def failing(error):
    def run(self):
        raise error

    return run


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (VideoError("x.mp4: no such file"), 2, "jaxpose: x.mp4: no such file\n"),
        (JaxposeError("two\nlines  of it"), 2, "jaxpose: two lines of it\n"),
        (KeyboardInterrupt(), 130, "jaxpose: stopped\n"),
        (KeyboardInterrupt("stopped; x holds 3 frames"), 130, "jaxpose: stopped; x holds 3 frames\n"),
    ],
)
def test_errors_are_one_line_and_a_code(command, capsys, error, code, line):
    command(failing(error))
    assert cli.main(["models"]) == code
    assert capsys.readouterr().err == line


def test_a_bug_keeps_its_traceback(command):
    command(failing(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        cli.main(["models"])


def test_warnings_are_one_line_each_time_and_others_stay_what_they_are(command, capsys):
    def run(self):
        for _ in range(2):
            warnings.warn("x.mp4: cut\noff", JaxposeWarning, stacklevel=1)

    command(run)
    assert cli.main(["models"]) == 0
    assert capsys.readouterr().err == "jaxpose: warning: x.mp4: cut off\n" * 2
    command(lambda self: warnings.warn("old", DeprecationWarning, stacklevel=1))
    with pytest.raises(DeprecationWarning):
        cli.main(["models"])


def test_python_m_jaxpose_is_the_command(tmp_path):
    arguments = "track", str(tmp_path / "absent.mp4"), "--model", "m", "--out", str(tmp_path / "o.jsonl")
    done = subprocess.run([sys.executable, "-m", "jaxpose", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"jaxpose: {tmp_path / 'absent.mp4'}: no such file\n"
