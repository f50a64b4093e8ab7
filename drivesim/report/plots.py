"""Plots as inline SVG: small, sharp, and coloured by the page's style sheet, so that they follow light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from markupsafe import Markup

Series = tuple[str, Sequence[float], Sequence[float | None]]  # label, x, y (None: a gap)

WIDTH, HEIGHT = 460, 230
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 14, 54


def meter(value: float | None, interval: Sequence[float] | None = None) -> Markup:
    """A short bar from 0 to 1 with its interval as a whisker; empty for an unknown value."""
    marks = ""
    if value is not None:
        marks += f'<rect class="fill" x="0" y="3" width="{100 * value:.1f}" height="8" rx="2"/>'
    if interval is not None:
        low, high = 100 * interval[0], 100 * interval[1]
        marks += f'<path class="whisker" d="M{low:.1f} 7H{high:.1f}M{low:.1f} 4V10M{high:.1f} 4V10"/>'
    return Markup(
        '<svg class="meter" viewBox="0 0 100 14" preserveAspectRatio="none">'
        f'<rect class="rail" x="0" y="3" width="100" height="8" rx="2"/>{marks}</svg>'
    )


def gap(value: float, interval: Sequence[float] | None, *, reach: float) -> Markup:
    """A short bar from the middle to a difference in [-reach, reach], better to the right; a whisker: its interval."""

    def place(number: float) -> float:
        return 50 + 48 * min(1.0, max(-1.0, number / reach))

    start, end = sorted((50.0, place(value)))
    name = "better" if value > 0 else "worse"
    marks = f'<rect class="{name}" x="{start:.1f}" y="3" width="{end - start:.1f}" height="8"/>'
    if interval is not None:
        low, high = map(place, interval)
        marks += f'<path class="whisker" d="M{low:.1f} 7H{high:.1f}M{low:.1f} 4V10M{high:.1f} 4V10"/>'
    return Markup(
        '<svg class="meter" viewBox="0 0 100 14" preserveAspectRatio="none">'
        f'<rect class="rail" x="0" y="3" width="100" height="8" rx="2"/>{marks}<path class="zero" d="M50 0V14"/></svg>'
    )


Intervals = Sequence[Sequence[float] | None]  # by point (low, high), or None


def lines(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    y_range: tuple[float, float] | None = None,
    intervals: Sequence[Intervals] = (),
) -> Markup:
    """Lines over a common axis; y starts at 0 unless ``y_range`` says otherwise, or a value is below.

    ``intervals``: by line those of its points, drawn as whiskers, a little beside each other.
    """
    known = [y for _, _, ys in series for y in ys if y is not None]
    known += [end for line in intervals for interval in line if interval is not None for end in interval]
    xs = [x for _, values, _ in series for x in values]
    lowest = min(known, default=0.0)
    low, high = y_range or (-_round_up(-lowest) if lowest < 0 else 0.0, _round_up(max(known, default=1.0)))
    left, right = min(xs, default=0.0), max(xs, default=1.0)
    right = right if right > left else left + 1
    body = _frame(x_label, y_label, (left, right), (low, high))
    for number, (label, values, ys) in enumerate(series):
        points = [
            None if y is None else (_x((x - left) / (right - left)), _y((y - low) / (high - low)))
            for x, y in zip(values, ys, strict=True)
        ]
        whiskers = "".join(
            f"M{_x((x - left) / (right - left)) + 3 * number:.1f} {_y((ends[0] - low) / (high - low)):.1f}"
            f"V{_y((ends[1] - low) / (high - low)):.1f}"
            for x, ends in zip(values, intervals[number] if intervals else (), strict=bool(intervals))
            if ends is not None
        )
        drawn = _path(points) + (f'<path class="ends" d="{whiskers}"/>' if whiskers else "")
        body += f'<g class="series s{number % 6}"><title>{escape(label)}</title>{drawn}</g>'
    return _svg(body, f"{y_label} over {x_label}")


Bar = tuple[str, float | None, int, Sequence[float] | None]  # label, value, count, interval


def bars(rows: Sequence[Bar], *, x_label: str, y_label: str) -> Markup:
    """Bars of shares in [0, 1] with intervals as whiskers; the count stands below each label."""
    body = _frame(x_label, y_label, None, (0.0, 1.0))
    step = (WIDTH - LEFT - RIGHT) / max(len(rows), 1)
    for number, (label, value, count, interval) in enumerate(rows):
        middle, top = LEFT + (number + 0.5) * step, _y(value or 0.0)
        low, high = (_y(end) for end in interval or (value or 0.0, value or 0.0))
        half = min(0.3 * step, 34)
        if value is not None:
            body += (
                f'<rect class="fill" x="{middle - half:.1f}" y="{top:.1f}" width="{2 * half:.1f}" '
                f'height="{HEIGHT - BOTTOM - top:.1f}" rx="2"><title>{value:.2f} of {count}</title></rect>'
                f'<text class="value" x="{middle:.1f}" y="{min(top, high) - 4:.1f}">{value:.2f}</text>'
            )
        if interval is not None:
            body += (
                f'<path class="whisker" d="M{middle:.1f} {low:.1f}V{high:.1f}m-4 0h8M{middle - 4:.1f} {low:.1f}h8"/>'
            )
        body += f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 17}">{escape(label)}</text>'
        body += f'<text class="count" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 31}">n {count}</text>'
    return _svg(body, f"{y_label} by {x_label}")


Whiskered = tuple[str, Sequence[float | None], Sequence[Sequence[float] | None]]  # label, values, intervals


def points(series: Sequence[Whiskered], places: Sequence[tuple[str, int]], *, x_label: str, y_label: str) -> Markup:
    """Lines over named places in even steps, with intervals as whiskers; each place's count stands below its name.

    y goes from 0 to 1, or from -1 where anything is below 0.
    """
    ends = [end for _, _, intervals in series for interval in intervals if interval for end in interval]
    known = [value for _, values, _ in series for value in values if value is not None]
    low = -1.0 if min([*ends, *known], default=0.0) < 0 else 0.0
    body = _frame(x_label, y_label, None, (low, 1.0))
    step = (WIDTH - LEFT - RIGHT) / max(len(places), 1)
    for number, (label, count) in enumerate(places):
        middle = LEFT + (number + 0.5) * step
        body += f'<text class="tick" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 17}">{escape(label)}</text>'
        body += f'<text class="count" x="{middle:.1f}" y="{HEIGHT - BOTTOM + 31}">n {count}</text>'
    for number, (label, values, intervals) in enumerate(series):
        beside = 6 * (number - (len(series) - 1) / 2)  # px: whiskers of two lines are told apart
        xs = [LEFT + (k + 0.5) * step + beside for k in range(len(places))]
        at = [None if y is None else (x, _y((y - low) / (1 - low))) for x, y in zip(xs, values, strict=True)]
        marks = _path(at) + "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>' for x, y in filter(None, at))
        for x, interval in zip(xs, intervals, strict=True):
            if interval is not None:
                bottom, top = (_y((end - low) / (1 - low)) for end in interval)
                ticks = f"M{x - 3:.1f} {bottom:.1f}h6M{x - 3:.1f} {top:.1f}h6"
                marks += f'<path class="whisker" d="M{x:.1f} {bottom:.1f}V{top:.1f}{ticks}"/>'
        body += f'<g class="series s{number % 6}"><title>{escape(label)}</title>{marks}</g>'
    return _svg(body, f"{y_label} by {x_label}")


def _svg(body: str, title: str) -> Markup:
    return Markup(
        f'<svg class="plot" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">{body}</svg>'
    )


def _frame(x_label: str, y_label: str, x_range: tuple[float, float] | None, y_range: tuple[float, float]) -> str:
    """Axes' names, grid lines and ticks at five even places; no x ticks where ``x_range`` is None."""
    parts = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        y = _y(share)
        level = y_range[0] + share * (y_range[1] - y_range[0])
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="level" x="{LEFT - 6}" y="{y + 4.5:.1f}">{_number(level)}</text>')
        if x_range is not None:
            place = _number(x_range[0] + share * (x_range[1] - x_range[0]))
            parts.append(f'<text class="tick" x="{_x(share):.1f}" y="{HEIGHT - BOTTOM + 17}">{place}</text>')
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(f'<text class="axis" x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 6}">{escape(x_label)}</text>')
    parts.append(f'<text class="axis" transform="translate(13 {middle}) rotate(-90)">{escape(y_label)}</text>')
    return "".join(parts)


def _path(points: Sequence[tuple[float, float] | None]) -> str:
    """A line through the points that breaks at gaps, and a dot where a point has no neighbour."""
    drawn, pen_down = "", False
    for number, point in enumerate(points):
        if point is None:
            pen_down = False
            continue
        drawn += f"{'L' if pen_down else 'M'}{point[0]:.1f} {point[1]:.1f}"
        alone = not pen_down and (number + 1 == len(points) or points[number + 1] is None)
        drawn += "h0.01" if alone else ""
        pen_down = True
    return f'<path d="{drawn}"/>'


def _x(share: float) -> float:
    return LEFT + share * (WIDTH - LEFT - RIGHT)


def _y(share: float) -> float:
    return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def _round_up(value: float) -> float:
    """The next number of 4, 6, 8, 10, 12, 16 or 20 times a power of ten that four even ticks divide well."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1.2, 1.6, 2, 4, 6, 8, 10, 12) if step * power >= value)


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 or value == int(value) else f"{value:.2g}"
