"""Small files in the exact formats of the real ones, and a server that misbehaves on request."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import struct
import tarfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from optbench.data.sets import SETS, DataSet, Download

PER_BATCH, TEST = 20, 30


def python2_batch(pixels: np.ndarray, labels: Sequence[int]) -> bytes:
    """Pickle a batch as Python 2 and numpy 1 did, opcode by opcode (protocol 2)."""
    integer = struct.Struct("<i").pack
    data = pixels.tobytes()
    array = (
        b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01J" + integer(pixels.shape[0]) + b"J" + integer(pixels.shape[1]) + b"\x86"
        b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNN"
        b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + integer(len(data)) + data + b"tb"
    )
    numbers = b"](" + b"".join(b"K" + bytes([label]) for label in labels) + b"e"
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels" + numbers + b"u."


def labels_of(count: int) -> list[int]:
    """Return classes in turn, so that none is empty."""
    return [number % 10 for number in range(count)]


def cifar_batches(seed: int = 0) -> dict[str, tuple[np.ndarray, list[int]]]:
    """Return random pixels and labels of five training batches and a test batch."""
    rng = np.random.default_rng(seed)
    counts = dict.fromkeys([f"data_batch_{i}" for i in range(1, 6)], PER_BATCH) | {
        "test_batch": TEST
    }
    return {
        name: (rng.integers(0, 256, (count, 3072), dtype=np.uint8), labels_of(count))
        for name, count in counts.items()
    }


def archive(members: dict[str, bytes], extra: Sequence[tarfile.TarInfo] = ()) -> bytes:
    """Return a gzipped tar archive of files, and of what else there is to be."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for info in extra:
            tar.addfile(info)
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def sha256(content: bytes) -> str:
    """Return the checksum in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def small_cifar10(packed: bytes, files: dict[str, bytes], url: str = "") -> DataSet:
    """Return the entry of cifar10 with sizes and checksums of a small archive."""
    source = SETS["cifar10"].downloads[0]
    return replace(
        SETS["cifar10"],
        train=5 * PER_BATCH,
        test=TEST,
        contents={n: f"md5:{hashlib.md5(content).hexdigest()}" for n, content in files.items()},
        downloads=(Download(url=url or source.url, size=len(packed), sha256=sha256(packed)),),
    )


def cifar10_files() -> dict[str, bytes]:
    """Return the batches as the files of the archive's folder."""
    return {name: python2_batch(*batch) for name, batch in cifar_batches().items()}


def cifar10_archive(files: dict[str, bytes]) -> bytes:
    """Return the archive with what else is in the official one."""
    members = {f"cifar-10-batches-py/{name}": content for name, content in files.items()}
    return archive(members | {"cifar-10-batches-py/readme.html": b"<html>"})


@dataclass
class Server:
    """What a server has and how it behaves.

    Attributes:
        content: Of its only file.
        ranges: Whether it can send a part.
        cuts: Bytes after which it closes a connection, one a request, while there are any.
        statuses: It answers with, one a request, while there are any.
        asked: The Range headers that came.
        url: Of the file.
    """

    content: bytes
    ranges: bool = True
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)
    url: str = ""


@contextlib.contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Serve on a free port of this machine."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            server.asked.append(asked)
            if server.statuses:
                self.send_error(server.statuses.pop(0))
                return
            start = int(asked[len("bytes=") : -1]) if asked and server.ranges else 0
            if start >= len(server.content):
                self.send_error(416)
                return
            body = server.content[start:]
            self.send_response(206 if start else 200)
            if start:
                size = len(server.content)
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: server.cuts.pop(0)] if server.cuts else body)

        def log_message(self, *arguments: object) -> None:
            del arguments

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        server.url = f"http://127.0.0.1:{httpd.server_port}/file.bin"
        thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            httpd.shutdown()
            thread.join()


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    """Write files to a folder and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder
