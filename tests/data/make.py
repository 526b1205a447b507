#!/usr/bin/env python3
"""Makes the files of this folder and expected.json, with tools other than ours: Python's csv, iconv, zip, gzip and
LibreOffice. The files are committed, so that a test run needs none of them.

Each case states the result of its file: why it is rejected, or the codes of each row ("" is created). The tenant has
the roles 10 and 11, an inactive role 12, the desks 20 and 21, the skill groups 30 and 31, the tags 40 and 41, the PBX
domain 50, the extensions 1000 to 1999, and the user taken, taken@example.com, 1999.
"""

import csv
import gzip
import io
import json
import os
import pathlib
import subprocess
import tempfile
import zipfile

HERE = pathlib.Path(__file__).parent
HEADER = ["Username", "Email", "Virtual Extension", "Role"]
cases = []


def case(name, content, rows=None, rejected=None, format=("utf-8", "comma"), job=None, notes=None):
    """notes: what a column Note holds after reading, to see that the cells came through whole."""
    if isinstance(content, str):
        content = content.encode()
    (HERE / name).write_bytes(content)
    expected = {"file": name}
    if job:
        expected["job"] = job
    if rejected:
        expected["rejected"] = rejected
    else:
        expected["format"] = dict(zip(("encoding", "delimiter"), format))
        expected["rows"] = rows
        if notes is not None:
            expected["notes"] = list(notes)
    cases.append(expected)


def user(n, *more):
    return [f"user{n}", f"user{n}@example.com", f"{1100 + n:05}", "10", *more]


def table(notes):
    """A file whose column Note holds these texts."""
    return [[*HEADER, "Note"]] + [user(n, note) for n, note in enumerate(notes, 1)]


def written(rows, **dialect):
    out = io.StringIO(newline="")
    csv.writer(out, **dialect).writerows(rows)
    return out.getvalue()


def created(count):
    return [[]] * count


def iconv(text, encoding):
    ran = subprocess.run(["iconv", "-f", "UTF-8", "-t", encoding], input=text.encode(), stdout=subprocess.PIPE, check=True)
    return ran.stdout


def soffice(content, suffix, to):
    """What LibreOffice makes of a file."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / f"users.{suffix}"
        source.write_bytes(content)
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless", "--convert-to", to,
             "--outdir", f"{folder}/out", source],
            check=True, env=os.environ | {"LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        return next((pathlib.Path(folder) / "out").iterdir()).read_bytes()


def python_dialects():
    notes = ["plain", "a,b", 'say "hi"', "two\nlines", "", " blank ", "a;b\tc|d"]
    rows = table(notes)
    for name, dialect, delimiter in [
        ("excel", dict(dialect="excel"), "comma"),
        ("excel-tab", dict(dialect="excel-tab"), "tab"),
        ("unix", dict(dialect="unix"), "comma"),
        ("semicolon-all", dict(delimiter=";", quoting=csv.QUOTE_ALL), "semicolon"),
        ("pipe-nonnumeric", dict(delimiter="|", quoting=csv.QUOTE_NONNUMERIC), "pipe"),
    ]:
        case(f"python-{name}.csv", written(rows, **dialect), created(len(notes)), format=("utf-8", delimiter), notes=notes)
    # Python does not put quotes around a line break that is not its own.
    notes.remove("two\nlines")
    case("python-cr.csv", written(table(notes), lineterminator="\r"), created(len(notes)), notes=notes)
    # A backslash means nothing in CSV, and whoever wrote it meant something other than what can be read.
    escaped = written([[*HEADER, "Note"], user(1, 'a"b')], quoting=csv.QUOTE_NONE, escapechar="\\")
    case("python-backslash.csv", escaped, [["row malformed_quotes"]], notes=['a\\"b'])


def spectrum():
    """The cases of the test suite csv-spectrum, each as the notes of users."""
    header = ",".join([*HEADER, "Note"])

    def rows(*notes, end="\n"):
        lines = [",".join(user(n)) + "," + note for n, note in enumerate(notes, 1)]
        return end.join([header, *lines]) + end

    for name, text, notes in [
        ("comma_in_quotes", rows('"Anytown, WW"'), ["Anytown, WW"]),
        ("empty", rows('""', ""), ["", ""]),
        ("empty_crlf", rows('""', "", end="\r\n"), ["", ""]),
        ("escaped_quotes", rows('"ha ""ha"" ha"', '""""'), ['ha "ha" ha', '"']),
        ("json", rows('"{""type"": ""Point"", ""coordinates"": [102.0, 0.5]}"'),
         ['{"type": "Point", "coordinates": [102.0, 0.5]}']),
        ("newlines", rows('"Once upon \na time"', "5"), ["Once upon \na time", "5"]),
        ("newlines_crlf", rows('"Once upon \r\na time"', "5", end="\r\n"), ["Once upon \r\na time", "5"]),
        ("quotes_and_newlines", rows('"ha \n""ha"" \nha"', "4"), ['ha \n"ha" \nha', "4"]),
        ("simple", rows("3"), ["3"]),
        ("simple_crlf", rows("3", end="\r\n"), ["3"]),
        ("utf8", rows("3", "ʤ"), ["3", "ʤ"]),
        ("no_final_break", rows("3").rstrip("\n"), ["3"]),
        ("location_coordinates", rows('"40.7, -74.0"'), ["40.7, -74.0"]),
    ]:
        case(f"spectrum-{name}.csv", text, created(len(notes)), notes=notes)


def rfc_4180():
    head = ",".join([*HEADER, "Note"]) + "\r\n"
    case("rfc-quoted-everywhere.csv", written(table(["x"]), quoting=csv.QUOTE_ALL), created(1), notes=["x"])
    case("rfc-blanks-are-part.csv", head + ",".join(user(1)) + ",  x  \r\n", created(1), notes=["  x  "])
    case("rfc-short-rows.csv", head + ",".join(user(1)) + "\r\nuser2,user2@example.com\r\n",
         [[], ["virtual_extension required", "role required"]], notes=["", ""])
    case("rfc-long-rows.csv", head + ",".join(user(1, "x", "", " ")) + "\r\n" + ",".join(user(2, "x", "", "y")) + "\r\n",
         [[], ["row wrong_column_count"]])
    case("rfc-quote-in-cell.csv", head + ",".join(user(1)) + ',6" tall\r\n' + ",".join(user(2)) + ',"a" b\r\n',
         [[], ["row malformed_quotes"]], notes=['6" tall', '"a" b'])
    case("rfc-unclosed.csv", head + ",".join(user(1)) + ',"x\r\n' + ",".join(user(2)) + ",y\r\n", rejected="malformed_csv")
    case("rfc-blank-rows.csv", "\r\n,,,,\r\n" + head + '\r\n" ",,\t,\xa0\r\n' + ",".join(user(1)) + ",\r\n\r\n", created(1))


def encodings():
    text = written([HEADER, ["zoë", "zoe@example.com", "0042", "10"], ["josé", "jose@example.com", "0043", "10"]])
    for name, encoding, taken in [
        ("utf-8", "UTF-8", "utf-8"),
        ("windows-1252", "CP1252", "windows-1252"),
        ("latin-1", "ISO-8859-1", "windows-1252"),
        ("utf-16", "UTF-16", "utf-16le"),
    ]:
        case(f"iconv-{name}.csv", iconv(text, encoding), created(2), format=(taken, "comma"))
    case("iconv-utf-8-bom.csv", b"\xef\xbb\xbf" + text.encode(), created(2))
    case("iconv-utf-16be.csv", b"\xfe\xff" + iconv(text, "UTF-16BE"), created(2), format=("utf-16be", "comma"))
    for name, content in [
        ("utf-16le-without-bom", iconv(text, "UTF-16LE")),
        ("utf-16be-without-bom", iconv(text, "UTF-16BE")),
        ("utf-32", iconv(text, "UTF-32")),
        ("utf-32le", b"\xff\xfe\0\0" + iconv(text, "UTF-32LE")),
        ("utf-32be", b"\0\0\xfe\xff" + iconv(text, "UTF-32BE")),
        ("utf-32le-without-bom", iconv(text, "UTF-32LE")),
        ("shift-jis", iconv(written([HEADER, ["ター", "tanaka@example.com", "0042", "10"]]), "SHIFT_JIS")),
        ("mixed", text.encode() + b"ren\xe9,rene@example.com,0044,10\n"),
        ("utf-8-bom-bad-byte", b"\xef\xbb\xbf" + iconv(text, "CP1252")),
        ("utf-16-half", iconv(text, "UTF-16") + b"x"),
    ]:
        case(f"iconv-{name}.csv", content, rejected="undecodable")


def other_files():
    text = written([HEADER, user(1)])
    table_html = "<html><body><table><tr><td>Username</td></tr></table></body></html>"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("users.csv", text)
    for name, content in [
        ("xlsx", soffice(text.encode(), "csv", "xlsx")),
        ("xls", soffice(text.encode(), "csv", "xls")),
        ("ods", soffice(text.encode(), "csv", "ods")),
        ("fods", soffice(text.encode(), "csv", "fods")),
        ("html", soffice(text.encode(), "csv", "html")),
        ("pdf", soffice(text.encode(), "csv", "pdf")),
        ("zip", packed.getvalue()),
        ("gzip", gzip.compress(text.encode(), mtime=0)),
        ("page", f"\ufeff\n\n{table_html}"),
    ]:
        case(f"not-csv-{name}.csv", content, rejected="not_csv")


def libreoffice():
    """Leading zeros as text, umlauts and a formula, through a real spreadsheet."""
    notes = ["x", "a;b", "Grüße", "two\nlines"]
    text = written(table(notes))
    columns = "/".join(f"{n}/2" for n in range(1, 6))
    for name, options, taken, delimiter in [
        ("utf-8", "44,34,76,1", "utf-8", "comma"),
        ("semicolon-windows-1252", "59,34,1,1", "windows-1252", "semicolon"),
        ("tab-utf-16", "9,34,65535,1", None, "tab"),
        ("all-quoted", "44,34,76,1,,0,true", "utf-8", "comma"),
    ]:
        sheet = soffice_typed(text, columns)
        content = soffice(sheet, "ods", f"csv:Text - txt - csv (StarCalc):{options}")
        if taken is None:
            taken = {b"\xff\xfe": "utf-16le", b"\xfe\xff": "utf-16be"}.get(content[:2])
            if taken is None:
                continue
        case(f"libreoffice-{name}.csv", content, created(4), format=(taken, delimiter), notes=notes)
    # Without the columns as text, leading zeros are gone before we see the file.
    plain = soffice(soffice_typed(text, ""), "ods", "csv:Text - txt - csv (StarCalc):44,34,76,1")
    case("libreoffice-plain.csv", plain, created(4), notes=notes)


def soffice_typed(text, columns):
    """The text as a sheet, with the types of these columns."""
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / "users.csv"
        source.write_bytes(text.encode())
        subprocess.run(
            ["soffice", f"-env:UserInstallation=file://{folder}/profile", "--headless",
             f"--infilter=CSV:44,34,76,1,{columns}", "--convert-to", "ods", "--outdir", f"{folder}/out", source],
            check=True, env=os.environ | {"LC_ALL": "C.UTF-8"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        return next((pathlib.Path(folder) / "out").iterdir()).read_bytes()


def spreadsheets_damage():
    cells = ["1.00E+03", "1001.0", "1,001", "1.001", "1 001", "1001,00", "1\u202f001", "1E3"]
    rows = [[f"user{n}", f"user{n}@example.com", cell, "10"] for n, cell in enumerate(cells, 1)]
    damage = [["virtual_extension spreadsheet_damage"]] * len(cells)
    case("damage.csv", written([HEADER, *rows], dialect="excel-tab"), damage, format=("utf-8", "tab"))
    # A German Excel: semicolons, a comma in numbers, Windows-1252.
    german = written([["Benutzername", "E-Mail", "Durchwahl", "Rolle"], ["jörg", "joerg@example.com", "1,23E+05", "10"],
                      ["käthe", "kaethe@example.com", "0012", "10"]], delimiter=";").encode("cp1252")
    case("german-excel.csv", german, [["virtual_extension spreadsheet_damage"], []], format=("windows-1252", "semicolon"),
         job={"fields": {"username": {"column": "Benutzername"}, "virtual_extension": {"column": "Durchwahl"},
                         "role": {"column": "rolle"}}})


def rules():
    head = ",".join(HEADER) + "\n"
    case("duplicates.csv", head + "taken,new1@example.com,1200,10\nTAKEN,taken@EXAMPLE.com,1999,10\n"
         "ann,ann@example.com,1201,10\nＡＮＮ,ann2@example.com,1202,10\nbob,ANN@example.com,1201,10\n"
         "cid,cid@example.com,1999,10\ndan,dan@example.com,1201,10\nann,x,1203,10\n",
         [["username already_exists"],
          ["username duplicate_in_file", "username already_exists", "email already_exists"],
          [], ["username duplicate_in_file"], ["email duplicate_in_file"],
          ["virtual_extension extension_taken"], ["virtual_extension extension_taken"],
          ["username duplicate_in_file", "email invalid_format"]])
    case("references.csv", "Username,Email,Ext,Role,Desks,Skill Groups,Tags\n"
         "a1,a1@example.com,1201,10;11,20|21,30,\"40,41\"\na2,a2@example.com,1202,12,,,\n"
         "a3,a3@example.com,1203,10;;10, 22 ,x;31,40;0\na4,a4@example.com,1204,;,,,\na5,a5@example.com,1205,\"1,001\",,,\n",
         [[], ["role unknown_reference"],
          ["desks unknown_reference", "skill_groups unknown_reference", "tags unknown_reference"],
          ["role required"], ["role unknown_reference"]])
    everything = ["username", "email", "virtual_extension", "role"]
    case("every-problem.csv", "Username,Email,Ext,Role,First Name\na b,x@,1,99," + "n" * 101 + ",surplus\n,,,,x\n",
         [["username invalid_characters", "email invalid_format", "virtual_extension invalid_format",
           "role unknown_reference", "first_name too_long", "row wrong_column_count"],
          [f"{field} required" for field in everything]])
    case("control-characters.csv", head + "a\0b,a@example.com,1201,10\nok,o\x7fk@example.com,1202,10\n"
         "ok2,ok2@example.com,12\x0b03,10\nok3,ok3@example.com,1204,1\x010\n",
         [["username invalid_characters"], ["email invalid_characters"], ["virtual_extension invalid_characters"],
          ["role invalid_characters"]])
    case("sip-uris.csv", "username,email,ext,role,sip uri\n" + "".join(
        f"s{n},s{n}@example.com,12{n:02},10,{uri}\n" for n, uri in enumerate(
            ["ann@pbx.example.com", "SIPS:ann@[2001:db8::1]:5061", "sip:ann:pw@pbx.example.com",
             "ann@pbx.example.com;transport=tcp", "ann@pbx.example.com?x=y", "ann%41@pbx.example.com", "ann", "",
             "ann@" + "x." * 130 + "com"], 10)),
        [[], [], *[["sip_uri invalid_format"]] * 5, ["sip_uri required"], ["sip_uri too_long"]],
        job={"sip": {"kind": "custom_uri"}})
    case("classic-pbx.csv", "username,email,ext,role,device\np1,p1@example.com,1201,10,007\np2,p2@example.com,1202,10,\n"
         "p3,p3@example.com,1203,10,1E5\np4,p4@example.com,1204,10,x7\n",
         [[], ["pbx_device required"], ["pbx_device spreadsheet_damage"], ["pbx_device invalid_format"]],
         job={"sip": {"kind": "classic_pbx", "pbx_domain_id": 50}})
    case("generated.csv", "username,email,ext\ng1,g1@example.com,\ng2,g2@example.com,1000\ng3,g3@,\ng4,g4@example.com, \xa0\n",
         [[], [], ["email invalid_format"], []],
         job={"fields": {"virtual_extension": {"column": "ext", "generate": True}, "role": {"value": 11}}})
    case("guarded.csv", "Username,Email,Ext,Role,'=Note\n'@ann,'+ann@example.com,1201,10,''-x\n",
         [[]], notes=["'-x"])
    case("report-come-back.csv", "\ufeffUsername,Email,Ext,Role,Import Row,Import Line,Import Result,Import Error Codes,"
         "Import Errors\r\nr1,r1@example.com,0012,10,7,9,error,invalid_format,Email x\r\n", created(1))
    case("sep-line.csv", "sep=;\r\nUsername;Email;Ext;Role\r\nq1;q1@example.com;1201;10\r\n", created(1),
         format=("utf-8", "semicolon"))
    case("trailing-columns.csv", "Username;Email;Ext;Role;;;\nt1;t1@example.com;1201;10;;;\n;;;;;;\n", created(1),
         format=("utf-8", "semicolon"))
    case("five-hundred.csv", head + "".join(",".join(user(n)) + "\n" for n in range(1, 501)), created(500))
    case("five-hundred-and-one.csv", head + "".join(",".join(user(n)) + "\n" for n in range(1, 502)), rejected="too_many_rows")
    for name, text, code in [
        ("empty", "", "empty_file"),
        ("blank", "\n ; \n\t\n", "empty_file"),
        ("header-only", head, "empty_file"),
        ("no-header", "ann,ann@example.com,1201,10\n" * 2, "missing_header"),
        ("header-twice", "Username,user_name,Email,Ext,Role\na,b,c@example.com,1201,10\n", "duplicate_header"),
        ("two-synonyms", "Login,Login name,Email,Ext,Role\na,b,c@example.com,1201,10\n", "mapping_conflict"),
        ("no-role", "Username,Email,Ext\na,a@example.com,1201\n", "required_field_unmapped"),
        ("too-many-columns", ",".join(f"c{n}" for n in range(257)) + "\n1\n", "malformed_csv"),
        ("large-cell", head + "a," + "x" * 32769 + ",1201,10\n", "malformed_csv"),
    ]:
        case(f"rejected-{name}.csv", text, rejected=code)
    case("rejected-column-not-found.csv", head + "a,a@example.com,1201,10\n", rejected="column_not_found",
         job={"fields": {"username": {"column": "Kürzel"}}})
    case("rejected-role.csv", head + "a,a@example.com,1201,10\n", rejected="unknown_reference",
         job={"fields": {"role": {"value": 12}}})


for make in [python_dialects, spectrum, rfc_4180, encodings, other_files, libreoffice, spreadsheets_damage, rules]:
    make()
for old in set(HERE.glob("*.csv")) - {HERE / entry["file"] for entry in cases}:
    old.unlink()
lines = ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in cases)
(HERE / "expected.json").write_text(f"[\n{lines}\n]\n")
