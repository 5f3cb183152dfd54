"""An application that closes each connection a moment after its answer, and does not say so.

`python -m tests.e2e.closing FILE HOST:PORT...` writes the bodies of all requests into FILE.
"""

import asyncio
import sys
from pathlib import Path

LATER_SECONDS = 0.002
"""By then another request may be on the way."""


async def _serve(file: Path, addresses: list[str]) -> None:
    with file.open("a", buffering=1) as seen:

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                _, found, rest = head.partition(b"\r\ncontent-length:")
                if found:
                    seen.write((await reader.readexactly(int(rest.split()[0]))).decode() + "\n")
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                await writer.drain()
                await asyncio.sleep(LATER_SECONDS)
            except (OSError, asyncio.IncompleteReadError):
                pass
            finally:
                writer.close()

        for address in addresses:
            host, _, port = address.rpartition(":")
            await asyncio.start_server(answer, host, int(port), backlog=1000)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), sys.argv[2:]))
