"""How much the console slows a worker down: imports of 500 rows alone, and while 200 progress streams are open and 50 uploads
arrive at the same moment. Uses only the standard library; the console and a worker must be running, each on its own
core:

    eval "$(deploy/local/env)"
    taskset --cpu-list 0 user-import work &
    DATABASE_URL=$CONSOLE_DATABASE_URL CONSOLE_ADDRESS=127.0.0.1:8080 taskset --cpu-list 1 user-import console &
    python3 tests/stress/console.py http://127.0.0.1:8080
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

STREAMS, UPLOADS, ROWS, ROUNDS = 200, 50, 500, 5


def users(name):
    rows = (f"{name}.{row},{name}.{row}@example.com,{10000 + row},10\n" for row in range(ROWS))
    return "Username,Email,Virtual Extension,Role\n" + "".join(rows)


def psql(statement):
    subprocess.run(["psql", "-qX", os.environ["MIGRATE_DATABASE_URL"], "-c", statement], check=True)


async def import_one(name):
    """Submits an import; its rows per second from the plan to the end, according to the database."""
    psql("DELETE FROM dialer.users WHERE tenant_id = 1")
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write(users(name))
        file.flush()
        command = ["user-import", "submit", "--tenant", "1", "--json", file.name]
        started = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        printed, _ = await started.communicate()
    import_id = json.loads(printed)["import_id"]
    return import_id


async def ended(import_id):
    query = f"SELECT extract(epoch FROM finished_at - planned_at) FROM imports.imports WHERE import_id = '{import_id}'"
    while True:
        command = ["psql", "-qXtA", os.environ["MIGRATE_DATABASE_URL"], "-c", query]
        asked = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        printed, _ = await asked.communicate()
        if printed.strip():
            return ROWS / float(printed)
        await asyncio.sleep(0.2)


class Console:
    def __init__(self, url):
        parts = urllib.parse.urlsplit(url)
        self.host, self.port = parts.hostname, parts.port
        command = ["user-import", "token", "--tenant", "1", "--for", "load"]
        self.token = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        self.events, self.latencies, self.failures = 0, [], 0

    async def request(self, line, body=b"", kind=None):
        reader, writer = await asyncio.open_connection(self.host, self.port)
        head = f"{line} HTTP/1.1\r\nHost: {self.host}:{self.port}\r\nAuthorization: Bearer {self.token}\r\nConnection: close\r\n"
        if kind:
            head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        writer.write(head.encode() + b"\r\n" + body)
        return reader, writer

    async def stream(self, import_id):
        reader, writer = await self.request(f"GET /api/imports/{import_id}/progress")
        try:
            self.failures += b" 200 " not in await reader.readline()
            while line := await reader.readline():
                self.events += line.startswith(b"data:")
        finally:
            writer.close()

    async def upload(self, number):
        body = users(f"upload{number}").encode()
        began = time.monotonic()
        reader, writer = await self.request("POST /api/uploads?name=users.csv", body, "text/csv")
        self.failures += b" 201 " not in await reader.readline()
        await reader.read()
        writer.close()
        self.latencies.append(time.monotonic() - began)


async def main():
    console = Console(sys.argv[1])
    alone, beside = [], []
    for turn in range(ROUNDS):
        alone.append(await ended(await import_one(f"alone{turn}")))
        import_id = await import_one(f"beside{turn}")
        load = [asyncio.create_task(console.stream(import_id)) for _ in range(STREAMS)]
        load += [asyncio.create_task(console.upload(number)) for number in range(UPLOADS)]
        beside.append(await ended(import_id))
        for task in load:
            task.cancel()
        await asyncio.gather(*load, return_exceptions=True)
    ratio = statistics.median(beside) / statistics.median(alone)
    latencies = sorted(console.latencies)
    print(f"rows/s alone {sorted(round(r, 1) for r in alone)}, beside {sorted(round(r, 1) for r in beside)}: {ratio:.3f}")
    print(f"{console.events} events on {STREAMS} streams, {len(latencies)} uploads, {console.failures} failures")
    print(f"an upload took {statistics.median(latencies):.2f} s, at most {latencies[-1]:.2f} s")


asyncio.run(main())
