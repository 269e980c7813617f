"""How the packaged systems are ranked, and which is the default, on made-up measurements."""

from pathlib import Path
from typing import Any

import pytest

EXPERIMENTS = Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _found_as_scripts_find_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXPERIMENTS)


def measured(ap: float, mota: float, idf1: float) -> dict[str, Any]:
    rows = {"a": {"mota": mota - 1, "idf1": idf1, "switches": 3}, "b": {"mota": mota + 1, "idf1": idf1, "switches": 4}}
    return {"ap": {"656": {"AP": ap}}, "tracks": rows}


def toys(ratio: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two finders, one of them with a tracker of its own, and both with a second look that takes `ratio` times."""
    own = measured(32, 60, 70)
    recurrent = {**measured(32, 0, 0), "rates": {"1": {"own": {"real": own["tracks"]}}}}
    cards = {"finder": measured(34, 70, 75), "recurrent": recurrent}
    for card in cards.values():
        card["model"] = {"bytes": 2_500_000}
    refined = {"finder+second": measured(43, 75, 80), "recurrent+second": measured(40, 65, 70)}
    times = {"finder": 1.0, "recurrent": 1.1, "finder+second": ratio, "recurrent+second": ratio}
    return cards, {
        "detector": "finder",
        "refined": {key: {**row, "bytes": 9_500_000} for key, row in refined.items()},
        "speed": {"systems": {key: {"ms": round(100 * value), "ratio": value} for key, value in times.items()}},
    }


def test_the_best_stands_first_with_what_was_measured_of_it() -> None:
    import model_table

    ranked = model_table.systems(*toys(3.0))
    assert [(one.model, one.refine) for one in ranked] == [
        ("second", None),
        ("finder", None),
        ("recurrent", "second"),
        ("recurrent", None),
    ]
    assert [one.worth for one in ranked] == pytest.approx([66, 179 / 3, 175 / 3, 54])
    first = model_table.table(ranked).splitlines()[2]
    assert first == (
        "| `second`, behind `finder` | 9.5 MB | 43 | 74 / 80 / 3 | 76 / 80 / 4 | 75.0 / 80.0 | 300 ms, 3.0 |"
    )


@pytest.mark.parametrize(("ratio", "default"), [(3.0, "finder"), (2.0, "second")])
def test_the_default_is_the_best_that_takes_a_bearable_time(ratio: float, default: str) -> None:
    import model_table

    ranked = model_table.systems(*toys(ratio))
    assert model_table.best(ranked) == default
    (line,) = (line for line in model_table.table(ranked).splitlines() if "the default" in line)
    assert f"`{default}`" in line
