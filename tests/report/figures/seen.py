"""What is seen of a figure, and where."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox


@dataclass(frozen=True)
class Seen:
    """What a figure shows.

    Attributes:
        figure: The figure.
        plots: Bounding boxes of the plots with their ticks and labels.
        legends: Those of the legends.
        texts: Every text that is seen.
    """

    figure: Figure
    plots: list[Bbox]
    legends: list[Bbox]
    texts: list[str]

    def lines(self, gid: str) -> list[Line2D]:
        """Return the lines whose id begins like that, in all plots."""
        found = [line for axes in self.figure.axes for line in axes.lines]
        return [line for line in found if str(line.get_gid()).startswith(gid)]


def look_at(figure: Figure) -> Seen:
    """Draw a figure and say what is where."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    plots = [axes.get_tightbbox(renderer) for axes in figure.axes]
    texts = [text for axes in figure.axes for text in axes.findobj(Text)]
    texts += [text for legend in figure.legends for text in legend.get_texts()]
    texts += figure.texts
    return Seen(
        figure=figure,
        plots=[box for box in plots if box is not None],
        legends=[legend.get_window_extent(renderer) for legend in figure.legends],
        texts=[text.get_text() for text in texts if isinstance(text, Text) and text.get_visible()],
    )
