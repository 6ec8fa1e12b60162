"""The fork server that worker processes come from."""

from __future__ import annotations

import multiprocessing as mp


def start_server(*modules: str) -> None:
    """Start the fork server, if need be; it imports the engines while this process goes on.

    Args:
        modules: What else workers are going to need.
    """
    from multiprocessing import forkserver

    mp.get_context("forkserver").set_forkserver_preload(["optbench.executors.local", *modules])
    forkserver.ensure_running()
