"""Finds in text who its user is: homes, names of users, computers, volumes and companies, and e-mail addresses."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

Found = tuple[int, int, str]  # begin, end, kind

# Names that identify nobody, and that would take words of the logs with them.
_COMMON_NAMES = frozenset(
    """
    admin administrator all an and anonymous any app application archlinux are art at auto backend backup bin boot build
    builder cache case chainner client closed code computer config container continues core cpu crash crashed critical cuda
    daemon data debian debug default desktop dev device docker download downloads electron end error etc false fedora
    file files folder for frontend full github gpu guest home host http https image images in info input is it key laptop
    lib line linux live local localdomain localhost log logger logs mac macbook machine mail main mark max may me media
    memory message min mint mnt model models my name new nixos no nobody node none not ok old on opt or os output owner page
    pc pip pop-os private process public python raspberry raspberrypi record role root run runner secret server service
    session shared shell start started staff steam stderr stdout sys system temp test tests the thread time tmp to torch
    trace true ubuntu unknown update user users usr utc value var version vm warn warning web will win windows work worker
    workgroup workstation
    """.split()
)

# As paths are written: /, \, \\ in code, \/ in JSON.
_SEPARATOR = r"(?:\\{0,4}/|\\{1,4})"
_BEGIN = r"(?<![\w.~%-])"
_DRIVE = r"[A-Za-z][:|]"
_END = r"(?![\w-])(?!\.\w|%[\dA-Fa-f]|\\[xuU]\w)"

# A name ends where a path or a quotation does; on Windows it may have spaces in it where the path goes on.
_CHARACTER = r"""(?!%(?:25)*(?:2[Ff]|5[Cc]))[^\s\\/"'`<>|:*?,;()\[\]{}&#=\x00-\x1f]"""
_NAME = rf"(?:{_CHARACTER}){{1,64}}(?<![.!])"
_SPACED = rf"(?:{_CHARACTER}){{1,64}}(?: (?:{_CHARACTER}){{1,64}}){{1,3}}(?={_SEPARATOR})"
_NOBODY = (
    r"(?!(?:Public|Default|Shared|All Users|Default User|linuxbrew)(?![\w ]))"
    r"(?!(?:\d+|[\da-f-]{36}|me|self|current|new|login|logout|register|edit|search|all|active|count|list|profile)(?![\w.-]))"
)


def _folders(*names: str) -> str:
    return _SEPARATOR.join(names)


_ABOVE = rf"(?:{_SEPARATOR}(?:%s))?" % "|".join(
    [
        "var", "usr", "export", "private", "srv", "nfs", "data", "cluster", "gpfs", "lustre", "mnt", "net", "host", "scratch",
        _folders("(?:mnt|cygdrive)", "[A-Za-z]"), "[A-Za-z]", _folders("System", "Volumes", "Data"), _folders("run", "host"),
        _folders("var", "mnt"), _folders("net", r"[\w.-]+"), _folders("Network", "Servers", r"[\w.-]+"),
    ]
)  # fmt: skip
_DOMAIN = rf"(?:(?:[A-Z][A-Z0-9-]+|corp|company|domain|ad|ldap|users?|people|staff|students?|[\w-]+\.[\w.-]+){_SEPARATOR})?"
_OTHER_HOME = re.compile(
    rf"{_BEGIN}(?:"
    rf"(?:{_DRIVE}{_SEPARATOR}users|(?:{_DRIVE}|{_ABOVE}){_SEPARATOR}(?:Users|USERS|Documents and Settings)){_SEPARATOR}"
    rf"{_NOBODY}(?P<spaced>{_SPACED})"
    rf"|(?:{_DRIVE})?{_ABOVE}{_SEPARATOR}(?:homes?|HOME){_SEPARATOR}{_NOBODY}{_DOMAIN}(?P<unix>{_NAME})"
    rf"|(?:{_DRIVE}|{_ABOVE}){_SEPARATOR}(?:Users|USERS|Documents and Settings){_SEPARATOR}{_NOBODY}(?P<name>{_NAME})"
    rf"|(?<!GET )(?<!PUT )(?<!POST )(?<!HEAD )(?<!PATCH )(?<!DELETE )(?<!OPTIONS )(?:{_DRIVE})?{_ABOVE}{_SEPARATOR}"
    rf"(?:users|usr{_SEPARATOR}people){_SEPARATOR}{_NOBODY}(?P<lower>{_NAME})"
    rf"|\\{{2,8}}[\w.-]+\\{{1,4}}(?:[Uu]sers|[Hh]omes?|[Pp]rofiles)\$?\\{{1,4}}{_NOBODY}(?P<share>{_NAME})"
    rf"|{_SEPARATOR}afs{_SEPARATOR}[\w.-]+{_SEPARATOR}(?:home|users?)(?:{_SEPARATOR}\w)*{_SEPARATOR}(?P<afs>{_NAME})"
    r")"
)
_HOME_WORDS = ("home", "users", "documents and settings", "people", "profiles", "/afs/")

# What is replaced is the group.
_PLACES = [
    ("user", ("media",), rf"{_BEGIN}(?:{_SEPARATOR}run)?{_SEPARATOR}media{_SEPARATOR}(?P<it>{_NAME})(?={_SEPARATOR}{_CHARACTER})"),
    ("volume", ("media",), rf"{_BEGIN}(?:{_SEPARATOR}run)?{_SEPARATOR}media{_SEPARATOR}{_NAME}{_SEPARATOR}(?P<it>{_SPACED}|{_NAME})"),
    ("volume", ("volumes",), rf"{_BEGIN}{_SEPARATOR}Volumes{_SEPARATOR}(?!Macintosh HD|Data\b)(?P<it>[^\\/\"<>|:*?\n]{{1,64}}(?={_SEPARATOR})|{_NAME})"),
    ("company", ("onedrive",), r"OneDrive(?: - |-)(?!Personal\b)(?P<it>[^\\/\"'<>|:*?\n]{1,64}(?=[\\/])|[^\s\\/\"'<>|:*?,;]{1,64})"),
    ("company", ("dropbox (",), r"Dropbox \((?!Personal\b)(?P<it>[^()\n]{1,64})(?=\))"),
    ("user", ("torchinductor_", "pytest-of-", "hsperfdata_"), rf"(?:torchinductor_|pytest-of-|hsperfdata_)(?P<it>{_NAME})"),
    ("user", ("~",), r"(?<![\w~.])~(?P<it>[A-Za-z][\w.-]{1,31})(?=/)"),
]  # fmt: skip
_PLACE_RULES = [(kind, needles, re.compile(pattern)) for kind, needles, pattern in _PLACES]

# What is behind the last dot tells an address from code (x@self.weight) and files (picture@2x.png).
_LAST_LABELS = "".join(
    r"""(?:[a-z]{2}|[A-Z]{2}|(?i:com|org|net|edu|gov|mil|int|info|biz|name|pro|museum|aero|coop|jobs|mobi|asia|app|dev|page
    |blog|online|site|store|shop|tech|cloud|xyz|club|live|news|email|mail|group|team|work|world|life|studio|design|digital|agency
    |company|systems|solutions|services|software|network|media|academy|berlin|koeln|hamburg|bayern|wien|swiss|tirol|paris|london
    |amsterdam|moscow|tokyo|nyc|gmbh|local|lan|corp|internal|intra|intranet|home|localdomain|test|example|invalid))""".split()
)
_E_MAIL = re.compile(
    rf"(?<![\w.%+/@-])(?!git@)[\w%+][\w.%+-]{{0,63}}@(?!(?:self|cls)\.)(?:[\w-]{{1,63}}\.){{1,8}}{_LAST_LABELS}"
    r"(?![\w(-]|\.\w|\[)"
)

# A record has none of these, with / for each separator, if it has nothing for `find`.
NEEDLES = ("@", "~", "home/", "homes/", "home$/", "users/", "user/", "settings/", "profiles/", "people/", "media/", "volumes/")
NEEDLES += ("onedrive", "dropbox (", "torchinductor_", "pytest-of-", "hsperfdata_")


def others_homes(text: str) -> Iterator[re.Match[str]]:
    return _OTHER_HOME.finditer(text)


def name_in(home: re.Match[str]) -> str:
    return next(name for name in home.groups() if name)


def find(text: str, small: str) -> Iterator[Found]:
    """In one reading of a record: what can be told of anybody. small: the same in small letters."""
    if "@" in text:
        yield from ((*found.span(), "e-mail") for found in _E_MAIL.finditer(text))
    if any(word in small for word in _HOME_WORDS):
        yield from ((*found.span(), "home") for found in _OTHER_HOME.finditer(text))
    for kind, needles, pattern in _PLACE_RULES:
        if any(needle in small for needle in needles):
            yield from ((*found.span("it"), kind) for found in pattern.finditer(text))


def plain_home(home: str) -> re.Pattern[str]:
    """As it is, for speed: mostly nothing is left to the other spellings then."""
    path = re.escape(home.rstrip("\\/"))
    return re.compile(rf"{path}(?<![\w.~%-]{path})(?<![A-Za-z]:{path}){_END}")


def home_pattern(home: str, ignore_case: bool) -> re.Pattern[str]:
    first, *rest = (part for part in re.split(r"[\\/]+", home) if part)
    if re.fullmatch("[A-Za-z]:", first):
        ignore_case = True
        # c: as it is, and as MSYS and WSL have it
        begin = rf"(?:{first[0]}[:|]|{_SEPARATOR}(?:(?:mnt|cygdrive){_SEPARATOR})?{first[0]})"
    else:
        begin = rf"(?:{_DRIVE})?{_SEPARATOR}{_spelled(first)}"  # with a drive in Wine
    path = f"{_SEPARATOR}{{1,2}}".join([begin, *map(_spelled, rest)])
    return re.compile(f"{_BEGIN}{path}{_END}", re.IGNORECASE if ignore_case else 0)


def _spelled(part: str) -> str:
    """A pattern for the name of a folder, also as macOS has it, and in the short form of DOS."""
    stem = re.sub(r"[ .]", "", part)[:6]
    return rf"(?:{'|'.join(map(re.escape, _forms(part)))}|(?i:{re.escape(stem)})~\d)"


def _forms(name: str) -> list[str]:
    return list(dict.fromkeys([name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)]))


def is_common(name: str) -> bool:
    """It tells nothing of anybody, and stands everywhere."""
    return len(name) < 2 or name.isdigit() or name.lower() in _COMMON_NAMES


def places(text: str, needle: str) -> Iterator[int]:
    at = text.find(needle)
    while at >= 0:
        yield at
        at = text.find(needle, at + 1)


class Name(NamedTuple):
    kind: str
    pattern: re.Pattern[str]
    needle: str = ""  # in small letters; the pattern matches nothing without it

    def places(self, text: str, small: str) -> Iterator[int]:
        """Where it may be. A pattern whose letters count is as fast as its needle, and hits less."""
        if not self.needle:
            yield from (found.start() for found in self.pattern.finditer(text))
            return
        yield from places(small, self.needle)


def plain_name(kind: str, name: str, ignore_case: bool) -> Name:
    """Of a user or a computer, also where an underscore joins it to others (torchinductor_ann)."""
    separated = r"\w" if len(name) < 3 else r"[^\W_]"
    flags = re.IGNORECASE if ignore_case or len(name) > 3 else 0
    # The literal comes first, so that the search for it is fast, and then what must not stand before it.
    patterns = (rf"{each}(?<!{separated}{each})(?!{separated})" for each in map(re.escape, _forms(name)))
    needle = name.lower() if flags and name.isascii() else ""
    return Name(kind, re.compile("|".join(patterns), flags), needle)


def real_names(name: str) -> list[Name]:
    """In either order, as in an address, and each part of it that is no word."""
    parts = [part for part in re.split(r"[\s,]+", name) if len(part) > 1]
    if not parts or all(map(is_common, parts)):
        return []
    each = [plain_name("user", part, False) for part in parts if len(part) > 3 and not is_common(part)]
    if len(parts) == 1:
        return each
    orders = (r"[\s,._+-]{1,3}".join(map(re.escape, order)) for order in (parts, parts[::-1]))
    whole = re.compile(rf"(?<![^\W_])(?:{'|'.join(orders)})(?![^\W_])", re.IGNORECASE)
    return [Name("user", whole, max(filter(str.isascii, parts), key=len, default="").lower()), *each]


def of_this_system() -> tuple[Iterable[str], Iterable[str], Iterable[str], Iterable[str]]:
    """Homes, users, computers and real names: of the user who runs this, on this computer."""
    environment = os.environ.get
    host = socket.gethostname()
    hosts = {host, host.partition(".")[0]} | {environment(name, "") for name in ("COMPUTERNAME", "USERDOMAIN", "USERDNSDOMAIN")}
    homes = {os.path.expanduser("~"), environment("USERPROFILE", ""), environment("HOME", "")} - {""}
    real_names: set[str] = set()
    if sys.platform == "win32":
        real_names = set(_windows_names())
    else:
        import pwd  # HOME may be another one, as in a sandbox

        try:
            entry = pwd.getpwuid(os.getuid())
            homes.add(entry.pw_dir)
            real_names.add(entry.pw_gecos.partition(",")[0])
        except KeyError:
            pass  # there is no entry for this user, as in containers
    homes |= {os.path.realpath(home) for home in homes}
    users = {environment(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
    users |= {Path(home).name for home in homes}
    try:
        users.add(getpass.getuser())
    except (OSError, KeyError, ImportError):
        pass
    return homes, users, hosts, real_names


def _windows_names() -> Iterator[str]:
    """The display name, of an account of a domain and of one of this computer."""
    assert sys.platform == "win32"
    import ctypes
    from ctypes import wintypes

    name = ctypes.create_unicode_buffer(256)
    size = wintypes.ULONG(256)
    name_display = 3
    if ctypes.WinDLL("secur32").GetUserNameExW(name_display, name, ctypes.byref(size)):
        yield name.value
    accounts = ctypes.WinDLL("netapi32")
    accounts.NetApiBufferFree.argtypes = [ctypes.c_void_p]
    info = ctypes.POINTER(wintypes.LPWSTR * 4)()  # USER_INFO_10: name, comment, its own comment, full name
    if accounts.NetUserGetInfo(None, os.environ.get("USERNAME", ""), 10, ctypes.byref(info)) == 0:
        yield info.contents[3] or ""
        accounts.NetApiBufferFree(info)
