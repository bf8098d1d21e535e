"""Replaces in text what tells who the user is, by what it was: <home>, <user>, <host>, <e-mail>, <secret>."""

from __future__ import annotations

import getpass
import json
import os
import re
import socket
import sys
import unicodedata
import urllib.parse
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

# Names that identify nobody, and that would take words of the logs with them.
_COMMON_NAMES = frozenset(
    """
    admin administrator all an and anonymous any app application archlinux are at auto backend backup bin boot build
    builder cache chainner client closed code computer config container continues core cpu crash crashed critical cuda
    daemon data debian debug default desktop dev device docker download downloads electron end error etc false fedora
    file files folder for frontend github gpu guest home host http https image images in info input is it key laptop
    lib line linux local localdomain localhost log logger logs mac macbook machine mail main me media memory message
    mint mnt model models my name new nixos no nobody node none not ok old on opt or os output owner pc pip pop-os
    private process public python raspberrypi record role root run runner secret server service session shared shell
    start started staff steam stderr stdout sys system temp test tests the thread time tmp to torch trace true ubuntu
    unknown update user users usr utc value var version vm warn warning web win windows work worker workstation
    """.split()
)
_MOST_HOMES = 20
_CHUNK = 256 * 1024  # characters; so much is looked through at once for what gives a rule something to do


class Rule(NamedTuple):
    kind: str
    needles: tuple[str, ...]  # in small letters; the pattern cannot match without one of them
    pattern: re.Pattern[str]
    replacement: str = ""  # as for re.sub; else <kind>


class Redactor:
    """Redacts text, always in the same way, and counts what it replaced."""

    def __init__(
        self,
        homes: Iterable[str] = (),
        users: Iterable[str] = (),
        hosts: Iterable[str] = (),
        ignore_case: bool = False,
    ) -> None:
        """ignore_case: names and paths may be written in other letters, as on Windows."""
        self.replaced: Counter[str] = Counter()  # how often, by kind
        self._ignore_case = ignore_case
        self._names: dict[str, Rule] = {}
        for kind, names in ("host", hosts), ("user", users):
            for name in names:
                self._add_name(kind, name)
        homes = sorted({home for home in homes if re.search(r"[^\\/:]{2}", home)}, key=len, reverse=True)
        # As it is first, for speed: mostly nothing is left to the other spellings then.
        self._homes = [*map(_plain_home_rule, homes), *(_home_rule(home, ignore_case) for home in homes)]

    @classmethod
    def of_this_system(cls) -> Redactor:
        """For the user who runs this, on this computer."""
        environment = os.environ.get
        host = socket.gethostname()
        hosts = {host, host.partition(".")[0], environment("COMPUTERNAME", "")}
        homes = {os.path.expanduser("~"), environment("USERPROFILE", ""), environment("HOME", "")} - {""}
        if sys.platform != "win32":
            import pwd  # HOME may be another one, as in a sandbox

            try:
                homes.add(pwd.getpwuid(os.getuid()).pw_dir)
            except KeyError:
                pass  # there is no entry for this user, as in containers
        homes |= {os.path.realpath(home) for home in homes}
        users = {environment(name, "") for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER")}
        users |= {Path(home).name for home in homes}
        try:
            users.add(getpass.getuser())
        except (OSError, KeyError, ImportError):
            pass
        return cls(homes, users, hosts, ignore_case=sys.platform == "win32")

    def learn(self, text: str) -> None:
        """Takes the user's home and name from the paths of log files: the log may come from another computer."""
        for path in set(re.findall(r"Log file: ([^\n]*)", text)):
            for found in _OTHER_HOME.pattern.finditer(path):
                self._add_name("user", found["name"] or found["spaced_name"])
            self._remember(path)

    def __call__(self, text: str) -> str:
        if "PRIVATE KEY-----" in text:
            text = self._apply(_PRIVATE_KEY, text)
        return "".join(map(self._redacted, _chunks(text)))

    def _redacted(self, chunk: str) -> str:
        names = [self._names[name] for name in sorted(self._names, key=len, reverse=True)]
        small = chunk.lower()
        for rule in [*_SECRETS, _E_MAIL, *self._homes, _OTHER_HOME, *names]:
            if any(needle in small for needle in rule.needles):
                if rule is _OTHER_HOME:
                    self._remember(chunk)
                chunk = self._apply(rule, chunk)
                small = chunk.lower()
        return chunk

    def _remember(self, chunk: str) -> None:
        """Where there is one path to a home there are more: to look for it as it is takes less time."""
        for path in {found[0] for found in _OTHER_HOME.pattern.finditer(chunk)}:
            if len(self._homes) < _MOST_HOMES:
                self._homes.insert(0, _plain_home_rule(path))

    def _apply(self, rule: Rule, text: str) -> str:
        text, count = rule.pattern.subn(rule.replacement or f"<{rule.kind}>", text)
        self.replaced[rule.kind] += count
        return text

    def _add_name(self, kind: str, name: str) -> None:
        """Of a user or a host. A common word is left alone: it tells nothing of anybody, and stands everywhere."""
        if len(name) < 2 or name.isdigit() or name.lower() in _COMMON_NAMES:
            return
        for spelled in _spellings(name):
            word = _in_any_case(spelled) if self._ignore_case else re.escape(spelled)
            # The literal comes first, so that the search for it is fast, and then what must not stand before it.
            pattern = re.compile(rf"{word}(?<!\w{word})(?!\w)")
            self._names.setdefault(spelled, Rule(kind, (spelled.lower(),), pattern))


def _chunks(text: str) -> Iterator[str]:
    """Whole lines each."""
    begin = 0
    while begin < len(text):
        end = text.find("\n", begin + _CHUNK) + 1 or len(text)
        yield text[begin:end]
        begin = end


def _in_any_case(text: str) -> str:
    """A pattern."""
    pairs = ((c.lower(), c.upper()) for c in text)
    return "".join(re.escape(a) if a == b or len(a + b) > 2 else f"[{a}{b}]" for a, b in pairs)


def _spellings(name: str) -> list[str]:
    """As it is, as macOS has it, percent-encoded, and escaped as in Python and in JSON."""
    encoded = urllib.parse.quote(name)
    escaped = re.sub("%..", lambda found: found[0].lower(), encoded)
    in_code = name.encode("ascii", "backslashreplace").decode()
    forms = name, unicodedata.normalize("NFD", name), encoded, escaped, in_code, json.dumps(name)[1:-1]
    return list(dict.fromkeys(forms))


# Paths as they are written: /, \, \\ and \\\\ in code, \/ in JSON, percent-encoded, perhaps twice.
_SEPARATOR = r"(?:\\{0,4}/|\\{1,4}|%(?:25)?(?:2[Ff]|5[Cc]))"
_BEGIN = r"(?:(?<![\w.~%-])|(?<=%2[Ff])|(?<=%3[Aa])|(?<=\\[nrt]))"
_DRIVE = r"[A-Za-z](?::|%3[Aa]|\|)"


def _plain_home_rule(home: str) -> Rule:
    path = re.escape(home.rstrip("\\/"))
    pattern = re.compile(rf"{path}(?<![\w.~%-]{path})(?![\w-])(?!\.\w)")
    return Rule("home", (home.rstrip("\\/").lower(),), pattern)


def _home_rule(home: str, ignore_case: bool) -> Rule:
    first, *rest = (part for part in re.split(r"[\\/]+", home) if part)
    if re.fullmatch("[A-Za-z]:", first):
        ignore_case = True
        letter = _in_any_case(first[0])
        # c: as it is, and as MSYS and WSL have it
        begin = rf"(?:{letter}(?::|%3[Aa]|\|)|{_SEPARATOR}(?:mnt{_SEPARATOR})?{letter})"
    else:
        # with a drive in Wine
        begin = rf"(?:{_DRIVE})?{_SEPARATOR}{_spelled(first, ignore_case)}"
    path = f"{_SEPARATOR}{{1,2}}".join([begin, *(_spelled(part, ignore_case) for part in rest)])
    last = (rest or [first])[-1]
    needles = [separator + form.lower() for form in _spellings(last) for separator in ("/", "\\", "2f", "5c")]
    needles.append(_dos_stem(last).lower() + "~")
    return Rule("home", tuple(needles), re.compile(rf"{_BEGIN}{path}(?![\w-])(?!\.\w)"))


def _spelled(part: str, ignore_case: bool) -> str:
    """A pattern for the name of a folder, also in the short form of DOS."""
    spelled = [_in_any_case(form) if ignore_case else re.escape(form) for form in _spellings(part)]
    return rf"(?:{'|'.join(spelled)}|{_in_any_case(_dos_stem(part))}~\d)"


def _dos_stem(part: str) -> str:
    return re.sub(r"[ .]", "", part)[:6]


# Of other users, as the log may come from another computer. A name ends where a path or a quotation does; on Windows it
# may have spaces in it where the path goes on.
_NAME = r"""(?:(?!%(?:25)?(?:2[Ff]|5[Cc]))[^\s\\/"'`<>|:*?,;()\[\]{}&#=])+"""
_PARENT = rf"(?:{_SEPARATOR}(?:var|usr|export|(?:mnt{_SEPARATOR})?[A-Za-z]))?"
_USERS = "(?:[Uu]sers|USERS)"
_OTHER_HOME = Rule(
    "home",
    tuple(parent + separator for parent in ("home", "users") for separator in ("/", "\\", "%")),
    re.compile(
        rf"{_BEGIN}(?:{_DRIVE}{_SEPARATOR}{_USERS}{_SEPARATOR}"
        rf"(?P<spaced_name>{_NAME}(?:(?: |%20){_NAME}){{1,3}})(?={_SEPARATOR})"
        rf"|(?:{_DRIVE})?{_PARENT}{_SEPARATOR}(?:home|{_USERS}){_SEPARATOR}(?!Public\b)(?P<name>{_NAME})(?<![.!]))"
    ),
)

# The name of a file may look like the end of an e-mail address: picture@2x.png
_E_MAIL = Rule(
    "e-mail",
    ("@",),
    re.compile(
        r"(?<![\w.%+/@-])(?!git@)[\w%+-][\w.%+-]*@(?:[A-Za-z0-9-]+\.)+"
        r"(?!(?:png|jpe?g|webp|gif|svg|bmp|tiff?|tga|dds|pth|onnx|dll|exe|txt|json|log)\b)[A-Za-z]{2,24}\b"
    ),
)


def _token(needles: str, pattern: str) -> Rule:
    """A secret that is known by how it begins."""
    return Rule("secret", tuple(needles.split()), re.compile(rf"(?<![A-Za-z0-9]){pattern}"))


_NAMED = "password passwd passphrase secret api_key api-key apikey access_key accesskey access_token auth_token"
_NAMED += " refresh_token private_token client_secret accountkey sharedaccesskey"
_HEADERS = "authorization x-api-key x-auth-token cookie"

_PRIVATE_KEY = Rule(
    "secret",
    ("private key-----",),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:(?!-----)(?s:.)){0,8000}-----END [A-Z ]*PRIVATE KEY-----"),
)
_SECRETS = [
    Rule(
        "secret",
        ("authorization", "x-a", "cookie"),
        # The value ends with the quotation, or with the line.
        re.compile(
            rf"(?i)((?P<before>[\"'])?\b(?:{'|'.join(_HEADERS.split())})\\?[\"']?\s{{0,2}}[:=,]\s{{0,2}}"
            r"(?:b(?=[\"']))?)"
            r"(?:(?P<quote>\\?[\"'])(?!<)(?:(?!(?P=quote))[^\n])+"
            r"|(?![\"'<])(?(before)(?:(?!(?P=before))[^\n])+|[^\n]+))"
        ),
        r"\1\g<quote><secret>",
    ),
    Rule("secret", ("bearer",), re.compile(r"(?i)\b(bearer )(?!<)[\w.~+/=-]{16,}"), r"\1<secret>"),
    Rule("secret", ("://",), re.compile(r"(?<=://)[^\s/?#@\"'<>]+(?=@)"), "<secret>"),
    _token("ghp_ gho_ ghu_ ghs_ ghr_", "gh[pousr]_[A-Za-z0-9]{30,}"),
    _token("github_pat_", r"github_pat_\w{22,}"),
    _token("glpat-", r"glpat-[\w-]{20,}"),
    _token("akia asia", r"A[KS]IA[A-Z0-9]{16}(?!\w)"),
    _token("sk-", r"sk-(?=[\w-]*[0-9])[\w-]{20,}"),
    _token("k_live_ k_test_", "[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _token("hf_ api_org_ r8_", "(?:hf|api_org|r8)_[A-Za-z0-9]{30,}"),
    _token("eyj", r"eyJ[\w-]{6,}\.[\w-]{6,}\.?[\w-]*"),
    _token("xox xapp-", r"(?:xox[abeoprs]|xapp)-[\w-]{10,}"),
    _token("hooks.slack.com/", r"hooks\.slack\.com/services/[\w/]+"),
    _token("/api/webhooks/", r"discord(?:app)?\.com/api/webhooks/[\w/-]+"),
    _token("aiza", r"AIza[\w-]{35}"),
    _token("ya29. gocspx-", r"(?:ya29\.|GOCSPX-)[\w-]{20,}"),
    _token("npm_", "npm_[A-Za-z0-9]{36}"),
    _token("pypi-age", r"pypi-AgE[\w-]{50,}"),
    _token("sg.", r"SG\.[\w-]{16,}\.[\w-]{16,}"),
    Rule(
        "secret",
        ("passw", "passphrase", "secret", "_key", "-key", "apikey", "accountkey", "accesskey", "_token"),
        re.compile(
            rf"(?i)({'|'.join(_NAMED.split())})(\\?[\"']?\s{{0,2}}[:=]\s{{0,2}}\\?[\"']?)"
            r"(?!(?:none|null|true|false|undefined|<\w+>)\b)(?!<)[^\s\"'&,;\\]{6,}"
        ),
        r"\1\2<secret>",
    ),
    Rule(
        "secret",
        ("token=", "key=", "sig="),
        re.compile(r"(?<=[?&])((?i:token|key|sig)=)[^\s&\"'#<]{8,}"),
        r"\1<secret>",
    ),
]
