"""Finds in text what would let somebody in: values whose name says it, and tokens that are known by how they begin."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from .tokens import AGE, KNOWN, SHAPES, SOME_RUN, any_of

Span = tuple[int, int]

# Services: what looks random behind one of these names is a key to it.
_SERVICES = """
    adafruit adobe airtable algolia alibaba artifactory asana atlassian beamer bintray bitbucket bittrex cloudflare codecov
    cohere coinbase confluence confluent contentful contribsys datadog discord dropbox droneci etsy facebook fastly finicity
    finnhub flickr freshbooks gitter gocardless heroku hubspot intercom jfrog jira kraken kucoin launchdarkly linkedin
    linked_in looker mailchimp mailgun mapbox mattermost meraki message_bird messagebird netlify newrelic new_relic nytimes
    okta plaid rapidapi sendbird sentry snyk sonar sourcegraph squarespace telegram travis twitch twitter typeform yandex
    zendesk
"""

# A name, what stands between it and its value, and the value. What a name must end in. The letter before must not make
# another word of it (monkey, compass), but for accessToken and MYTOKEN.
_WORD = (
    r"(?:(?<![A-Za-z])|(?-i:(?<=[a-z])(?=[A-Z]))|(?=secret|token|passw|apikey|accesskey|accountkey|privatekey))"
    r"(?P<word>passw(?:or)?d|passphrase|passcode|pass|pwd|secret(?:[ _.-]?access)?(?:[ _.-]?key)?|token"
    r"|(?:api|access|auth|account|shared|private|secret|signing|encryption|master|license|storage)?[ _.-]?key"
    r"|auth(?:entication|orization)?|credentials?|creds|cookie)s?"
    r"(?:[ _.-]?(?:base64|base|b64|hex|value|string|v?\d{1,3}))?"
)
_OPERATOR = (
    r"(?:(?P<close>\\?[\"'`\])]{0,2}\x1b?)(?: string)?[ \t]{0,8}(?P<operator>(?:[:?.|]{1,3}|\x1b)?=>?|:{1,3}|->"
    r"|\|\|)[ \t\x1b=]{0,8}"
    r"|[\"']\s{0,3},\s{0,3}(?=[\"'])|[\"']\s{1,3}value\s?=\s?(?=[\"'])|(?P<tag>>)\s{0,40}|(?P<option>)[ =]\s{0,3})"
)
_NAMED = re.compile(f"{_WORD}{_OPERATOR}", re.IGNORECASE | re.ASCII)
_AKIN = re.compile(  # a name that only has such a word in it, or the name of a service
    rf"(?:(?:secret|token|passw)[\w .-]|(?<![A-Za-z])(?:{any_of(_SERVICES.split())}|(?-i:[Ss]umo"
    rf"|SUMO)))(?=[\w.-]{{0,40}}[^\w.-])[\w .-]{{0,30}}?(?P<word>){_OPERATOR}",
    re.IGNORECASE | re.ASCII,
)
_OPTION = re.compile(r"(?:^|[\s\"'])--?[\w-]*$")
_NO_SECRET = re.compile(r"(?:id|name|hash|version|url|path|file|count|size|type)s?$")
_NO_KEY = re.compile(r"(?:name|hash|sha|ref|revision|commit|version|digest|checksum|url|path|file|build|release)s?$")
_QUOTED = re.compile(
    r"[bru]{0,2}(?:(?P<quote>[\"'`])(?P<value>(?:\\.|(?!(?P=quote))[^\\\n]){1,65535})(?P=quote)"
    r"|\\(?P<inner>[\"'])(?P<escaped>(?:\\(?!(?P=inner))|(?!(?P=inner))[^\\\n]){1,65535})\\(?P=inner))"
)
_BARE = re.compile(
    r"(?:[^\s\"'`<>&,;\x1b\\]{1,60}|[,;&](?=[^\s\"'`<>,;&])(?!(?:[\w.-]{1,40}[=:]|(?:quot|amp|[lg]t|apos"
    r"|#\w{1,7});))|\\(?![\"'nrt])){1,8}"
)
_HARMLESS = re.compile(
    r"(?:^|[^A-Za-z]|(?-i:(?<=[a-z])(?=[A-Z])))(?:public|pub|primary|foreign|cache|sort(?:ing)?|partition|bucket"
    r"|schema|sequence|issuer|host|row|column|dict|map|hot"
    r"|csrf|xsrf|authenticity|index|object|group|node|input|output|pad|eos|bos|unk|mask|stop|image|next)[ _.-]?$",
    re.IGNORECASE,
)
_TYPES = frozenset(
    """
    any auto bool bytes char class const default dict empty enum false float function hidden int integer list long
    missing none null number object optional required secretstr self set str string text true tuple type undefined union
    unknown unset var varchar void
    """.split()
)
_PLACEHOLDER = re.compile(
    r"\$(?:\d+|[A-Za-z_]\w*|\{.*|\(.*)|\$env:.*|<.*|(?:ENC)?\[.*|\{\{.*|\{\w*\(.*|\{[^}\d]*\}?|%[\w(]*%?\w*|@\w+@"
    r"|.*(?:\.\.\.|\*\*\*|#{6}|abcdefghijklmnopqrstuvwxyz|(?i:\[redacted|x{6,}|put_your)|\u2026).*|#+"
    r"|.*EXAMPLE(?:KEY)?=*|.*(?i:key|token|secret|password)[ _-]?(?i:here)"
    r"|(?i:(?:your|my|the|some)?[ _-]?(?:api|access|secret|new)?[ _-]?(?:key|token|secret|password|passwd|pass"
    r"|pwd|user|username|test)s?(?:[ _-]?here)?)"
)
# Keys and passwords of public documentation (Google's for Firebase and Android, NuGet's, Yarn's). As the text of one would
# alarm whoever looks for secrets, they are told by how their SHA-256 begins.
_PUBLISHED = frozenset(
    """
    0b476bdf9a 2037abcaff 27a9a42931 2f21fd9c81 37f8f09bdf 3a8b61d0f6 3f370c9dd8 49f777db99 4c98242dca 8731261cb7
    a0702bc91d a19f89ab35 a6c814bc55 dba72c00f4 dc0fcf046c e4a5542bb7 ea9bb1082c eb540d2b6e
    """.split()
)
_CODE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|\[[^\]]{0,60}\]|\((?:[\w\s.,\"'=]{0,60}\)?)?)+[)\];,]*\Z", re.ASCII)
_IDENTIFIER = re.compile(r"[A-Za-z]{0,20}\d{0,5}[a-z]?|[a-z]*(?:[A-Z][a-z]{2,})+", re.ASCII)
_CONSONANTS = re.compile(r"[b-df-hj-np-tv-xz]{4}", re.IGNORECASE)
_FILE = re.compile(r".*\.\w{1,5}|.*[\\/].*\.\w+|[a-z]+://.*")
_SUMO_LOGIC = re.compile(r"su[A-Za-z0-9]{12}")
_TELEGRAM = re.compile(r"telegr[\w .-]*$", re.IGNORECASE)
_ANOTHER_NAME = re.compile(r"[A-Za-z_]{3,}=\w{1,12}\Z")
_SEPARATORS = re.compile(r"[\W_]+", re.ASCII)
_NOT_IN_TOKENS = frozenset(" \t\n()<>{}[]|\\")
_STRONG = ("passw", "passp", "passc", "pwd", "secret", "credential", "cookie")
_LONGEST_HEADER = 8000  # characters
_MOST_LOOKED_AT = 60  # characters: so much of a value tells what it is

_HEADER = re.compile(
    r"(?i)(?P<before>\\?[\"'])?\b(?:(?:proxy-)?authorization|(?:set-)?cookie2?|(?:x-)?(?:\w{1,20}-)?(?:api-?key"
    r"|auth-?token|api-?token))"
    r"[\"'\x1b]{0,2}\s{0,2}[:=,]\s{0,2}(?:b(?=[\"']))?(?P<quote>\\?[\"'])?",
    re.ASCII,
)
_BEARER = re.compile(r"(?i)\b(?:bearer|basic|negotiate) (?=[^\s<]*[\d=+/])[\w.~+/=-]{12,}", re.ASCII)
_USER_OF_URL = re.compile(r"(?<=://)[^\s/?#\"'<>]{1,2000}(?=@)")
_QUERY = re.compile(
    r"(?i)(?<=[?&])(?:[\w.-]{1,40}[_.-])?(?:code|state|sig|signature|token|key|auth|credential|ticket|sas|jwt|otp"
    r"|pin|session(?:_?id)?)=(?P<value>[^\s&\"'#<>\\]{6,2000})"
)
_CURL = re.compile(
    r"(?<=\s)(?:-u|--user)(?:=|\s{0,5})(?P<value>\"[^\"\n]{0,200}\":\"[^\"\n]{3,200}\"|\"[^\"\n]{0,400}\""
    r"|'[^'\n]{0,400}'|[^\s:\"']{1,200}:(?:'[^'\n]{1,200}'|[^\s\"']{1,200}))"
)
_PRIVATE_KEY = re.compile(
    r"-----BEGIN[ A-Z0-9_-]{0,100}PRIVATE KEY(?: BLOCK)?-----(?:(?!-----(?:BEGIN|END)"
    r"|\n\[?\d{4}-\d\d-\d\d[ T])(?s:.)){40,40000}(?:-----END[ A-Z0-9_-]{0,100}-----)?"
)
_KUBERNETES = re.compile(
    r"(?m)^\s*[\w.-]+:(?:[ \t]*(?:\||>[-+]?)\s+)?[ \t]*[\"']?(?=\S*[\d=])"
    r"(?P<value>[A-Za-z0-9+/]{10,}={0,3})[\"']?\s*$"
)


# A record has none of these, if it has nothing for `find`, nor a name, an escape and a run of as many characters.
NEEDLES = ("--", "bearer ", "curl", "secret", "sumo", "code=", "sig=", "signature", "hook")
SHORTEST_TOKEN = 16
_WORDS = ("pass", "pwd", "token", "key", "auth", "cred", "cookie")
_SOON = re.compile(r"[\w-]{0,30}[\s\"'`\])\\]{0,10}(?:[:=>,|?.]|string)")


def names(small: str) -> Iterator[int]:
    """Where something may be named a secret. small: a text in small letters."""
    for word in _WORDS:
        at = small.find(word)
        while at >= 0:
            end = at + len(word)
            if _SOON.match(small, end):
                yield at
            at = small.find(word, end)


_BEFORE, _BEHIND = 60, 110  # characters around a long run, in which it is told what the run is


def is_token(text: str, begin: int, end: int) -> bool:
    """Whether a long run of letters and digits may be a part of what `find` finds for its shape, or for a service."""
    if len(set(text[begin : begin + 20])) < 5:
        return False
    before = text[max(0, begin - 10) : begin].rstrip(" \t\"'`(") or " "
    first, last = max(begin - _BEFORE, 0), min(end + _BEHIND, len(text))
    begin = text.rfind("\n", first, begin) + 1 or first
    end = (text.find("\n", end, last) + 1 or last + 1) - 1
    if any(pattern.search(text, begin, end) for pattern in (KNOWN, *SHAPES, AGE)):
        return True
    return before[-1:] in "=:>,|" and _AKIN.search(text, begin, end) is not None


def private_keys(text: str) -> Iterator[Span]:
    """They have lines, also in what is no record of ours."""
    return (found.span() for found in _PRIVATE_KEY.finditer(text)) if "PRIVATE KEY" in text else iter(())


def find(text: str, small: str) -> Iterator[Span]:
    """In a record. small: the same in small letters; what is not in it saves a search for what needs it."""
    if SOME_RUN.search(text):
        for pattern in (KNOWN, *SHAPES):
            for found in pattern.finditer(text):
                if not _is_placeholder(found[0]) and not text.startswith(("####", "****"), found.end()):
                    yield found.span()
        yield from (found.span() for found in AGE.finditer(text))
        yield from _named(text, _AKIN)
    if "bearer " in small or "basic " in small or "negotiate " in small:
        for found in _BEARER.finditer(text):
            yield found.end() - len(found[0].partition(" ")[2]), found.end()
    if "@" in text:
        yield from (found.span() for found in _USER_OF_URL.finditer(text))
    if "=" in text and ("?" in text or "&" in text):
        yield from (found.span("value") for found in _QUERY.finditer(text) if not _is_placeholder(found["value"]))
    if "curl" in text:
        yield from _of_curl(text)
    if "data:" in text and re.search(r"(?i)\bkind:\s*[\"']?secret\b", text):
        yield from (found.span("value") for found in _KUBERNETES.finditer(text))
    if "secret" in small or any(word in small for word in _WORDS):
        yield from _headers(text)
        yield from _named(text, _NAMED)


def _is_varied(text: str) -> bool:
    """Unlike xxxx, 1111 and what else stands for a token."""
    return len(set(text[-20:])) >= 5


def _headers(text: str) -> Iterator[Span]:
    """The value ends with the quotation, or with the line."""
    at = 0
    while True:
        found = _HEADER.search(text, at)
        if found is None:
            return
        begin = at = found.end()
        quote = found["quote"] or found["before"]
        last = begin + _LONGEST_HEADER
        ends = [text.find("\n", begin, last), text.find(quote, begin, last) if quote else -1]
        if quote and len(quote) == 1:
            while ends[1] > 0 and text[ends[1] - 1] == "\\":  # a quotation in the quotation
                ends[1] = text.find(quote, ends[1] + 1, begin + _LONGEST_HEADER)
        end = min((each for each in ends if each >= 0), default=min(len(text), begin + _LONGEST_HEADER))
        value = text[begin:end].rstrip("\\ \r")
        scheme, _, rest = value.partition(" ")
        is_scheme_alone = not rest and scheme.lower() in ("basic", "bearer", "digest", "negotiate", "token")
        is_placeholder = _is_placeholder(rest if scheme.isalpha() and rest else value)
        is_sensitive = len(value) > 3 and not is_placeholder and not is_scheme_alone
        if is_sensitive and (quote or ":" in found[0] or "=" in found[0]):
            if end == begin + _LONGEST_HEADER:  # it is longer than what was looked at
                end = (text.find("\n", end) + 1 or len(text) + 1) - 1
                value = text[begin:end]
            yield begin, begin + len(value)
            at = end


def _of_curl(text: str) -> Iterator[Span]:
    for found in _CURL.finditer(text):
        user, colon, password = found["value"].replace('"', "").replace("'", "").partition(":")
        value = password or user
        is_placeholder = _is_placeholder(value) or _is_placeholder(found["value"])
        if colon and len(value) > 3 and len(set(value)) > 3 and not is_placeholder:
            yield found.span("value")


def _named(text: str, pattern: re.Pattern[str]) -> Iterator[Span]:
    at = 0
    while True:
        found = pattern.search(text, at)
        if found is None:
            return
        at = found.end()
        before = text[max(0, found.start() - 24) : found.start("word")]
        if found["option"] is not None and not _OPTION.search(before):
            continue
        value = _QUOTED.match(text, at)
        span = value.span(value["quote"] and "value" or "escaped") if value else (at, _bare_end(text, at))
        if found["tag"] and not text.startswith("<", span[1]) and not re.match(r"\s{0,40}</", text[span[1] : span[1] + 50]):
            continue
        what = text[span[0] : min(span[1], span[0] + _MOST_LOOKED_AT)]
        if _is_secret(found, before, what, value is not None, text[span[1] : span[1] + 20]):
            while value is None and text[span[1] - 1] not in ".,;:|)]}" and _bare_end(text, span[1]) > span[1]:
                span = at, _bare_end(text, span[1])  # it is longer than what was looked at
            yield span
            at = span[1]


def _bare_end(text: str, at: int) -> int:
    found = _BARE.match(text, at)
    if found is None:
        return at
    value = found[0].rstrip(".,;:|")
    while value and value[-1] in ")]}" and value.count(value[-1]) > value.count("([{"[")]}".index(value[-1])]):
        value = value[:-1]
    return at + len(value)


def _is_secret(name: re.Match[str], before: str, value: str, is_quoted: bool, after: str) -> bool:
    word = name["word"].lower()
    if ":" in value and not word.startswith(_STRONG) and _TELEGRAM.search(before):
        return False  # one that is a token is known by its shape
    if not word:  # akin
        stem = name[0][: name.start("word") - name.start()].lower()
        is_of_sumo = stem.startswith("sumo") and _SUMO_LOGIC.fullmatch(value)
        if len(value) < 14 or not (is_of_sumo or _is_random(value, word)):
            return False
        if (_NO_SECRET if stem.startswith(("secret", "token", "passw")) else _NO_KEY).search(stem):
            return False
        is_harmless = _HARMLESS.search(before) or _HARMLESS.search(before[: -len(stem)])
        return not is_harmless and not _is_placeholder(value)
    is_strong = word.startswith(_STRONG) or word.endswith(("apikey", "api_key", "api-key")) or name["option"] is not None
    if not is_strong:
        return _is_random(value, word) and not _is_placeholder(value) and not _HARMLESS.search(before)
    if len(value) < 4 or value.lower() in _TYPES or _is_placeholder(value):
        return False
    if is_quoted:
        return True
    if _CODE.match(value) and not any(c.isdigit() for c in value):
        return False  # config.password, getpass()
    is_prose = value.isalpha() and (":" in (name["operator"] or "") or re.match(r"\s+[a-z]+\b(?!\s*[=:])", after))
    return not is_prose and not (value.isalpha() and name["option"] is not None and len(value) < 6)


def _is_placeholder(value: str) -> bool:
    is_monotonous = len(set(value)) < 3 or (len(value) >= 16 and not _is_varied(value))
    return is_monotonous or _PLACEHOLDER.fullmatch(value) is not None or _is_published(value)


def _is_published(value: str) -> bool:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:10] in _PUBLISHED


def _is_random(value: str, word: str) -> bool:
    """Unlike a word, a name in code, a file, a number."""
    if value.isdigit():
        return len(value) >= 15 and len(set(value)) > 3
    characters = set(value)
    if len(value) < 8 or len(characters) < min(9, max(6, len(value) // 3)) or characters & _NOT_IN_TOKENS:
        return False
    if _ANOTHER_NAME.match(value):
        return False
    parts = _SEPARATORS.split(value)
    if characters.isdisjoint("0123456789"):
        longest = max(parts, key=len)
        is_no_word = len(longest) >= 14 and word in ("", "token") and _CONSONANTS.search(longest) is not None
        return is_no_word or (len(longest) >= 20 and not value.islower())
    if len(parts) == 1 and "token" in word:
        return len(value) >= 10
    looks_like_file = len(value) < _MOST_LOOKED_AT and _FILE.fullmatch(value) is not None
    if looks_like_file and value.count(".") != 2:  # as in a JSON web token
        return False
    if any(len(part) >= 6 and not _IDENTIFIER.fullmatch(part) for part in parts):
        return True
    return characters >= {"_", "-", "="} and sum(any(map(str.isdigit, part)) for part in parts) > 3
