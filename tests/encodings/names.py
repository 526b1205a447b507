"""Names of many locales, and the code pages in which Excel saves them there."""

import hashlib
import random
import re
import unicodedata

from faker import Faker

# Locale: the code pages of Excel's "CSV" on its Windows, of "CSV (Macintosh)", and of "CSV (MS-DOS)".
WESTERN = ("cp1252", "mac_roman", "cp850")
CENTRAL = ("cp1250", "mac_latin2", "cp852")
CROATIAN = ("cp1250", "mac_croatian", "cp852")
BALTIC = ("cp1257", "mac_latin2", "cp775")
CYRILLIC = ("cp1251", "mac_cyrillic", "cp866", "koi8_r")
TURKISH = ("cp1254", "mac_turkish", "cp857")
CODE_PAGES = {
    **dict.fromkeys(
        "de_DE de_AT de_CH fr_FR fr_BE fr_CA fr_CH es_ES es_MX es_CO es_CL es_CA it_IT pt_PT pt_BR nl_NL nl_BE "
        "sv_SE da_DK no_NO fi_FI ga_IE".split(),
        WESTERN,
    ),
    **dict.fromkeys("pl_PL cs_CZ sk_SK hu_HU".split(), CENTRAL),
    **dict.fromkeys("hr_HR sl_SI".split(), CROATIAN),
    "ro_RO": ("cp1250", "mac_romanian", "cp852"),
    **dict.fromkeys("lt_LT lv_LV et_EE".split(), BALTIC),
    **dict.fromkeys("ru_RU bg_BG".split(), CYRILLIC),
    "uk_UA": CYRILLIC[:3],
    "el_GR": ("cp1253", "mac_greek", "cp737"),
    **dict.fromkeys("tr_TR az_AZ".split(), TURKISH),
    "he_IL": ("cp1255", "cp862"),
    **dict.fromkeys("ar_SA fa_IR".split(), ("cp1256", "mac_arabic")),
    "vi_VN": ("cp1258",),
    "th_TH": ("cp874",),
    "ja_JP": ("cp932",),
    "zh_CN": ("gbk",),
    "zh_TW": ("cp950",),
    "ko_KR": ("cp949",),
}


def known_names(locale):
    """All first and last names that Faker has for a locale."""
    names = set()
    for provider in Faker(locale).factories[0].get_providers():
        if not type(provider).__module__.startswith("faker.providers.person"):
            continue
        for attribute, value in vars(type(provider)).items():
            if re.match("(first|middle|last)_names", attribute) and isinstance(value, (tuple, list, set, dict)):
                names.update(name for name in value if isinstance(name, str))
    return sorted(names)


def halves(locale):
    """The names of a locale in two halves that have no name in common; which half a name is in does not depend on the locale."""
    halves = ([], [])
    for name in known_names(locale):
        halves[hashlib.sha256(name.encode()).digest()[0] % 2].append(name)
    return halves


def encode(text, code_page):
    """As Excel encodes: what the code page does not have becomes a question mark."""
    if code_page != "cp1258":
        return text.encode(code_page, "replace")
    # Vietnamese Windows keeps the tone as a mark of its own after the letter.
    encoded = bytearray()
    for letter in unicodedata.normalize("NFC", text):
        try:
            encoded += letter.encode(code_page)
        except UnicodeEncodeError:
            base, tones = "", ""
            for part in unicodedata.normalize("NFD", letter):
                composed = unicodedata.normalize("NFC", base + part)
                try:
                    composed.encode(code_page)
                    fits = len(composed) == 1
                except UnicodeEncodeError:
                    fits = False
                base, tones = (composed, tones) if fits or not base else (base, tones + part)
            encoded += (base + tones).encode(code_page, "replace")
    return bytes(encoded)


def users_csv(names, count, seed):
    """A file with this many users with these names; addresses and logins in ASCII, as most are."""
    draw = random.Random(seed)
    rows = ["Username,Email,Virtual Extension,Role,First Name,Last Name"]
    for number in range(count):
        first, last = draw.choice(names), draw.choice(names)
        rows.append(f"user{number},user{number}@example.com,{1000 + number},10,{first},{last}")
    return "\r\n".join(rows) + "\r\n"
