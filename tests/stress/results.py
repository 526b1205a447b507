"""Writes the figures of `deploy/local/bench` into RESULTS.md beside this file, between its two marks.

Reads the benchmarks' lines and the load generator's lines (a name, a tab, JSON). What people wrote outside the
marks stays.
"""

import datetime
import json
import pathlib
import platform
import re
import subprocess
import sys

BEGIN, END = "<!-- figures: written by deploy/local/bench -->", "<!-- end of figures -->"


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    cores = len(re.findall(r"^processor", pathlib.Path("/proc/cpuinfo").read_text(), re.M))
    kib = int(re.search(r"MemTotal:\s*(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return f"{model[1] if model else platform.machine()}, {cores} cores, {kib / 2**20:.0f} GiB, Linux {platform.release()}"


def version(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return f"{command[0]}: unknown"


def scenarios(lines):
    yield "| scenario | of the raw limit | rows/s | limit, before / after | s over the limit | p50 / p95 / p99 s | Jain | CPU ms/row | peak MB | lost / doubled |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    for line in lines:
        name, _, text = line.partition("\t")
        load = json.loads(text)
        before, after = load["argon2_limit_before_after"]
        latency = load["latency_s"]
        cpu = ", ".join(f"{process} {ms:.3f}" for process, ms in load["cpu_ms_per_row"].items())
        yield (
            f"| {name} | {load['ratio']:.1%} | {load['rows_per_s']:.0f} | {before:.0f} / {after:.0f}"
            f" | {load['seconds_over_limit']:.2f} | {latency['p50']:.2f} / {latency['p95']:.2f} / {latency['p99']:.2f}"
            f" | {load['jain_index']:.3f} | {cpu} | {load['worker_peak_rss_mb']:.0f}"
            f" | {load['rows_lost']} / {load['rows_doubled']} |"
        )
    yield ""
    for line in lines:
        name, _, text = line.partition("\t")
        if flood := json.loads(text).get("flood"):
            yield (
                f"- {name}: the worst of {flood['others']} others took {flood['slowdown_over_fair_share']:.2f} times its"
                f" fair share ({flood['fair_share_s']:.2f} s), the median {flood['median_slowdown_over_fair_share']:.2f} times;"
                f" without the flood p50 {flood['latency_without_s']['p50']:.2f} s, with it {flood['latency_with_s']['p50']:.2f} s."
            )
    yield ""


def growth(lines):
    figures = {name: json.loads(text) for name, _, text in (line.partition("\t") for line in lines)}
    one, two = (figures.get(name) for name in ("one worker, one core for everything", "two workers, two cores for everything"))
    if one and two:
        rows, limit = (two[figure] / one[figure] for figure in ("rows_per_s", "argon2_limit_rows_per_s"))
        yield (
            f"- Two workers with two cores did {rows:.2f} times the rows a second of one with one core,"
            f" Argon2 alone on two cores {limit:.2f} times the hashes of one core."
        )
        yield ""


def benchmarks(lines):
    yield "| stage | µs |"
    yield "| --- | --- |"
    for line in lines:
        if found := re.match(r"test (.*) \.\.\. bench:\s*([\d,]+) ns/iter", line):
            yield f"| {found[1]} | {int(found[2].replace(',', '')) / 1000:.1f} |"


def main():
    bench, load = (pathlib.Path(path).read_text().splitlines() for path in sys.argv[1:3])
    versions = "; ".join([version("rustc", "--version"), version("psql", "--version"), version("git", "rev-parse", "--short", "HEAD")])
    figures = [
        BEGIN,
        "",
        f"{datetime.date.today()}, {machine()}. {versions}. Ratios hold elsewhere too; absolute figures are this machine's.",
        "",
        *scenarios(load),
        *growth(load),
        *benchmarks(bench),
        "",
        END,
    ]
    file = pathlib.Path(__file__).with_name("RESULTS.md")
    before, _, rest = file.read_text().partition(BEGIN)
    file.write_text(before + "\n".join(figures) + rest.partition(END)[2])


main()
