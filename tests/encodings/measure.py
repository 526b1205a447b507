"""Counts files that are read in a wrong encoding, and files of western names that are rejected: names of many locales in
the code pages in which Excel saves them there. Writes figures.md beside this file.

The names are not those that the letters were learned from, if the letters are generated again first:

    python letters.py half
    cargo build --workspace --features tests/failpoints --example encodings
    python measure.py ../../target/debug/examples/encodings
    python letters.py
"""

import collections
import pathlib
import subprocess
import sys
import tempfile

from names import CODE_PAGES, WESTERN, encode, halves, users_csv

# How many names a file has, and whether each of them has a letter that is not ASCII.
KINDS = {"3 names": (3, False), "20 names": (20, False), "20 names, none in ASCII": (20, True), "500 names": (500, False)}
FILES = {3: 60, 20: 60, 500: 6}


def main():
    counts = collections.defaultdict(collections.Counter)
    with tempfile.TemporaryDirectory() as folder:
        expected = {}
        for locale, code_pages in CODE_PAGES.items():
            _, all_names = halves(locale)
            for code_page in code_pages:
                for kind, (size, is_marked) in KINDS.items():
                    names = [name for name in all_names if not is_marked or not encode(name, code_page).isascii()]
                    for number in range(FILES[size] if names else 0):
                        text = users_csv(names, size, f"{locale} {code_page} {size} {number}")
                        content = encode(text, code_page)
                        if content.isascii():
                            continue
                        name = f"{locale}.{code_page}.{kind}.{number}"
                        pathlib.Path(folder, name).write_bytes(content)
                        as_western = content.decode("cp1252", "replace")
                        expected[name] = as_western == content.decode(code_page, "replace")
        listed = subprocess.run([sys.argv[1], folder], check=True, capture_output=True, text=True).stdout
    named = collections.Counter()
    for line in listed.splitlines():
        name, found, message = line.split("\t")
        locale, code_page, kind, _ = name.split(".")
        count = counts[locale, code_page, kind]
        count["files"] += 1
        count["accepted wrongly"] += found == "windows-1252" and not expected[name]
        count["rejected wrongly"] += found != "windows-1252" and expected[name]
    rows = ["| locale | code page | " + " | ".join(KINDS) + " |", "| --- | --- |" + " --- |" * len(KINDS)]
    for locale, code_pages in CODE_PAGES.items():
        for code_page in code_pages:
            cells = []
            for kind in KINDS:
                count = counts[locale, code_page, kind]
                cells.append(f"{count['accepted wrongly']} + {count['rejected wrongly']} of {count['files']}")
            rows.append(f"| {locale} | {code_page} | " + " | ".join(cells) + " |")
    totals = []
    for kind in KINDS:
        total, western = collections.Counter(), collections.Counter()
        for (locale, code_page, other), count in counts.items():
            if other == kind:
                total.update(count)
                if CODE_PAGES[locale] == WESTERN and code_page == "cp1252":
                    western.update(count)
        totals.append(
            f"- {kind}: {total['accepted wrongly']} of {total['files']} files accepted wrongly; "
            f"{western['rejected wrongly']} of {western['files']} western files rejected."
        )
    head = [
        "# How often the encoding of a file is mistaken",
        "",
        "Made by `measure.py`: files with names of a locale (Faker), in the code pages in which Excel saves them on that locale's",
        "Windows and Mac and as MS-DOS text. Half of each locale's names were learned, the files hold the other half. A file is",
        "*accepted wrongly* if it is read as Windows-1252 and that gives another text, and *rejected wrongly* if Windows-1252 gives the",
        "right text. Files of names in ASCII alone are left out; in the others a single name may have a letter that is not, except where",
        "all have one.",
        "",
        *totals,
        "",
        "Files accepted wrongly + rejected wrongly:",
        "",
    ]
    pathlib.Path(__file__).with_name("figures.md").write_text("\n".join(head + rows) + "\n", encoding="utf-8")
    print("\n".join(totals))


if __name__ == "__main__":
    main()
