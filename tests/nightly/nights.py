"""Short ways to say what a night has seen."""

from __future__ import annotations

from typing import Any

from optbench.nightly.record import Key, Kind, Night, Row, Value

STEPS = Key("bowl", "sgd", "constant", "steps_to_target")
STATUS = STEPS._replace(metric="status")
FINAL = STEPS._replace(metric="final_suboptimality")
TIME = Key("step", "sgd", "", "step_time")


def exact(value: Value, key: Key = STEPS, **more: Any) -> Row:
    """Return a row of an exact metric, unmoved by four other roundings unless said otherwise."""
    return Row(key=key, value=value, **{"definition": "d", "spread": (value,) * 4} | more)


def noisy(value: float, key: Key = TIME, **more: Any) -> Row:
    """Return a row of a noisy metric."""
    settings = {"definition": "d", "samples": (value,)} | more
    return Row(key=key, value=value, kind=Kind.NOISY, **settings)


def night(day: int, *rows: Row, **more: Any) -> Night:
    """Return the night of a day counted from the first of January 2026."""
    month, date = divmod(day - 1, 28)
    year, month = divmod(month, 12)
    settings: dict[str, Any] = {
        "id": f"{2026 + year}{month + 1:02}{date + 1:02}T030000Z-{day:08x}",
        "date": f"{2026 + year}-{month + 1:02}-{date + 1:02}T03:00:00+00:00",
        "suite": "nightly",
        "suite_fingerprint": "s",
        "commit": f"{day:040x}",
        "dirty": False,
        "environment": {"blas": "Haswell"},
    }
    return Night(**settings | more, rows=rows)
