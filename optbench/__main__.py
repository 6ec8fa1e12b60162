"""The entry point, `optbench` or `python -m optbench`: mistakes become one line and a status."""

from __future__ import annotations

import io
import os
import sys


def main() -> None:
    """Run the command line and exit: 0 done, 1 failed run, 2 bad input, 130 or 143 interrupted."""
    sys.exit(_status())


def _open_streams() -> None:
    """Give what the caller has closed, `>&-`, somewhere to go, and every character a way out."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open until the end)
        elif isinstance(stream, io.TextIOWrapper):
            # A terminal that is not in UTF-8 lacks some; damaged files have bytes that are none.
            stream.reconfigure(errors="backslashreplace")


def _status() -> int:
    import click

    _open_streams()
    from optbench.cli import cli
    from optbench.core.errors import OptbenchError

    try:
        status = cli(standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except OptbenchError as error:
        print(f"optbench: {error}", file=sys.stderr)
        return 2
    except click.exceptions.NoArgsIsHelpError as error:
        print(error.format_message())
        return 0
    except click.ClickException as error:
        print(f"optbench: {' '.join(error.format_message().split())}", file=sys.stderr)
        return 2
    except MemoryError as error:
        print(f"optbench: out of memory: {error}", file=sys.stderr)
        return 1
    except (click.Abort, KeyboardInterrupt) as error:  # click makes the first of the second
        return int(getattr(error.__cause__ or error, "status", 130))
    except (BrokenPipeError, SystemExit) as error:  # click makes exit status 1 of the first
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        # `optbench list | head`: nobody reads on, which is no mistake.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        print(f"optbench: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    main()
