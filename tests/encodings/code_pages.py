"""Writes ../../shared/src/file/encoding/code_pages.txt: the upper half of each code page that the WHATWG has no label for
but spreadsheets save, one to a line; U+FFFD where it is undefined."""

import pathlib

NAMES = {
    "CP 437": "cp437", "CP 737": "cp737", "CP 775": "cp775", "CP 850": "cp850", "CP 852": "cp852", "CP 857": "cp857",
    "CP 862": "cp862", "Mac OS Central European": "mac_latin2", "Mac OS Croatian": "mac_croatian",
    "Mac OS Greek": "mac_greek", "Mac OS Icelandic": "mac_iceland", "Mac OS Romanian": "mac_romanian",
    "Mac OS Turkish": "mac_turkish", "Mac OS Arabic": "mac_arabic",
}


def main():
    upper_half = bytes(range(0x80, 0x100))
    lines = (f"{name}\t{upper_half.decode(codec, 'replace')}\n" for name, codec in NAMES.items())
    target = pathlib.Path(__file__).parents[2] / "shared/src/file/encoding/code_pages.txt"
    target.write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
