"""What `jaxpose export-weights` refuses; `test_train` has the whole way to a model."""

import pytest

from jaxpose.cli import main


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere", "--as", "mine"], "nowhere: no checkpoint: there are none; name the folder of a training"),
        (["nowhere", "--as", "a/b"], "a model's name consists of up to 100 letters, digits, '-', '_' and '.'"),
    ],
)
def test_a_mistake_is_one_line(arguments, told, capsys):
    assert main(["export-weights", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"jaxpose: {told}")
    assert captured.err.count("\n") == 1


def test_a_model_needs_a_name(capsys):
    assert main(["export-weights", "nowhere"]) == 2
    captured = capsys.readouterr()
    assert "--as" in captured.out + captured.err
