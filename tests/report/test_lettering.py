"""Where words break."""

from __future__ import annotations

import pytest

from optbench.report.lettering import fold, inches

SIZE = 7.0


def _folded(text: str, widest: str) -> list[str]:
    """Return the lines of a text where the widest words may just stand in one."""
    return fold(text, 1.01 * inches(widest, SIZE), SIZE)


@pytest.mark.parametrize(
    ("text", "widest", "lines"),
    [
        ("heavy_ball:beta=0.9", "heavy_ball:beta=0.", ["heavy_ball:", "beta=0.9"]),
        ("heavy_ball:beta=polyak", "heavy_ball:beta=po", ["heavy_ball:", "beta=polyak"]),
        ("adam:beta1=0.9,lr=1e-3", "adam:beta1=0.9,lr=1e-", ["adam:beta1=0.9,", "lr=1e-3"]),
        ("q:noise=-0.05", "q:noise=-", ["q:noise=", "-0.05"]),
        ("lr=1e-30", "lr=1e-3", ["lr=", "1e-30"]),
        ("scipy.L-BFGS-B", "scipy.L-B", ["scipy.L-", "BFGS-B"]),
        ("nesterov_strongly_convex", "nesterov_", ["nesterov_", "strongly_", "convex"]),
        ("a heavy_ball_momentum", "a heavy_ball_", ["a heavy_ball_", "momentum"]),
        ("the mean of all ranks", "the mean of", ["the mean of", "all ranks"]),
        ("xxxxxxx:b=2", "xxxx", ["xxxx", "xxx:", "b=2"]),
        ("", "x", [" "]),
    ],
)
def test_words_break_at_signs_and_never_in_a_number(
    text: str, widest: str, lines: list[str]
) -> None:
    """A parameter keeps its value where both fit into a line; letters are parted only at last."""
    assert _folded(text, widest) == lines


@pytest.mark.parametrize("width", [0.02, 0.3, 1.0, 3.0])
def test_no_letter_is_lost_and_no_line_too_long(width: float) -> None:
    """Lines together are the text; each fits, or is a single letter."""
    text = "a_long:name=0.125,with-many=1e-3 words (and 3.5)" + 40 * "z" + "/:=,, end"
    lines = fold(text, width, SIZE)

    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(len(line) == 1 or inches(line, SIZE) <= width for line in lines)
