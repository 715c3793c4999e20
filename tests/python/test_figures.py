"""The page of recovery times is made of what the tests tell."""

import json

from support.figures import recovered, table


def test_the_times_of_one_harm_are_one_row_with_the_worst_gap(tmp_path, monkeypatch):
    file = tmp_path / "figures"
    monkeypatch.setenv("CETCD_TEST_FIGURES", str(file))
    for seconds, gap in [(1.5, 0.2), (0.5, 0.9), (12.4, 0.1)]:
        recovered("a follower is killed", "it serves", seconds, gap)
    recovered("the only member is frozen", "it serves", 190.0)
    lines = file.read_text().splitlines()
    assert json.loads(lines[0]) == {"what": "a follower is killed", "until": "it serves", "seconds": 1.5, "gap": 0.2}
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in table(lines)[2:]]
    assert rows == [
        ["a follower is killed", "it serves", "1.50 s (0.50 s to 12 s)", "3", "0.90 s"],
        ["the only member is frozen", "it serves", "190 s", "1", ""],
    ]
