"""The fork server that worker processes come from."""

from __future__ import annotations

import multiprocessing as mp


def start_server() -> None:
    """Start the fork server, if need be; it imports the engines while this process goes on."""
    from multiprocessing import forkserver

    mp.get_context("forkserver").set_forkserver_preload(["optbench.executors.local"])
    forkserver.ensure_running()
