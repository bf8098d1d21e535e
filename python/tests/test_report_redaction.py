"""What is replaced in a report, and what is not. Each line of the tables is a text and what becomes of it."""

import ctypes
import itertools
import random
import sys
import time
import types
from ctypes import wintypes

import pytest

from chainner_logger._report import identity, redaction
from chainner_logger._report.redaction import Redactor

LETTERS = "q7wEr2tYu8iOp3aSd9fGh4jKl5zXc6vBn0mQ1WeRTyUIoPAsDFgHJkLZxCVbNM"  # not in their order, as that of the alphabet is no token
HEX = "4085FB0ccaDDd29DB66Fd7FE9bA2C1cdCE8400CD"

LINUX = Redactor(["/home/jörg"], ["jörg", "log"], ["jörgs-pc", "localhost"])
WINDOWS = Redactor([r"C:\Users\Ann Müller"], ["Ann Müller"], ["DESKTOP-9AB12"], ignore_case=True)
ODD = Redactor(["/data/people/j.doe"], ["j.doe"], ["build7.example.org", "build7"])

HOMES = [
    (LINUX, "/home/jörg", "<home>"),
    (LINUX, "open('/home/jörg/a b.png')", "open('<home>/a b.png')"),
    (LINUX, "file:///home/jörg/a.png", "file://<home>/a.png"),
    (LINUX, "file:///home/j%C3%B6rg/a.png", "file://<home>/a.png"),
    (LINUX, "/home//jörg/a", "<home>/a"),
    (LINUX, "%2Fhome%2Fj%C3%B6rg%2Fa", "<home>%2Fa"),
    (LINUX, "file%3A%2F%2F%2Fhome%2Fj%C3%B6rg%2Fa", "file%3A%2F%2F<home>%2Fa"),
    (LINUX, r'"\/home\/j\u00f6rg\/a"', r'"<home>\/a"'),
    (LINUX, r"b'/home/j\xf6rg/a'", "b'<home>/a'"),
    (LINUX, "/home/j%c3%b6rg/a", "<home>/a"),
    (LINUX, "/home/jo\u0308rg/a", "<home>/a"),
    (LINUX, r"Z:\home\jörg\a", r"<home>\a"),
    (LINUX, "at /home/jörg.", "at <home>."),
    (LINUX, "PATH=/home/jörg/bin:/home/jörg/.local/bin:/bin", "PATH=<home>/bin:<home>/.local/bin:/bin"),
    (LINUX, "/home/maria/models/x.pth", "<home>/models/x.pth"),
    (LINUX, "/var/home/maria/x", "<home>/x"),
    (LINUX, "/Users/maria/Library", "<home>/Library"),
    (LINUX, "/mnt/c/Users/maria/x", "<home>/x"),
    (LINUX, r"C:\Users\maria\x", r"<home>\x"),
    (LINUX, r'"C:\\Users\\Maria Lopez\\x"', r'"<home>\\x"'),
    (WINDOWS, r"C:\Users\Ann Müller\x", r"<home>\x"),
    (WINDOWS, "C:/Users/Ann Müller/x", "<home>/x"),
    (WINDOWS, r"C:\\Users\\Ann Müller\\x", r"<home>\\x"),
    (WINDOWS, r"C:\\\\Users\\\\Ann Müller\\\\x", r"<home>\\\\x"),
    (WINDOWS, r"c:\users\ann müller\x", r"<home>\x"),
    (WINDOWS, r"C:\USERS\ANN MÜLLER\x", r"<home>\x"),
    (WINDOWS, r"C:\Users\ANNMÜL~1\AppData\Local\Temp", r"<home>\AppData\Local\Temp"),
    (WINDOWS, "file:///C:/Users/Ann%20M%C3%BCller/x", "file:///<home>/x"),
    (WINDOWS, "file:///C%3A/Users/Ann%20M%C3%BCller/x", "file:///<home>/x"),
    (WINDOWS, r"C:\\Users\\Ann M\xfcller\\x", r"<home>\\x"),
    (WINDOWS, "/c/Users/Ann Müller/x", "<home>/x"),
    (WINDOWS, "/mnt/c/Users/Ann Müller/x", "<home>/x"),
    (WINDOWS, r"\\?\C:\Users\Ann Müller\x", r"\\?\<home>\x"),
    (ODD, "/data/people/j.doe/x", "<home>/x"),
    (Redactor(["/home/joe/"]), "cd /home/joe/", "cd <home>/"),
    (ODD, "/data/people/j%2Edoe/x", "<home>/x"),
]
NAMES = [
    (LINUX, "owner: jörg, group: jörg", "owner: <user>, group: <user>"),
    (LINUX, "jörg@jörgs-pc:~$", "<user>@<host>:~$"),
    (LINUX, "/media/jörg/disk", "/media/<user>/<volume>"),
    (LINUX, "connecting to jörgs-pc.local", "connecting to <host>.local"),
    (WINDOWS, r"DESKTOP-9AB12\ann müller", r"<host>\<user>"),
    (WINDOWS, "desktop-9ab12", "<host>"),
    (ODD, "build7.example.org, build7", "<host>, <host>"),
    (ODD, "chown j.doe x", "chown <user> x"),
]
E_MAIL = [
    (LINUX, "Author: Maria <maria.lopez+x@mail.example.com>", "Author: Maria <<e-mail>>"),
    (LINUX, "mailto:a@b.io?x", "mailto:<e-mail>?x"),
    (LINUX, "('a_b%c@example.museum',)", "('<e-mail>',)"),
]
SECRETS = [
    (LINUX, "https://joe:pa55@example.com/x", "https://<secret>@example.com/x"),
    (LINUX, "https://tok3n@github.com/a/b.git", "https://<secret>@github.com/a/b.git"),
    (LINUX, "http://joe:p%40ss@proxy:3128", "http://<secret>@proxy:3128"),
    (LINUX, "Authorization: Bearer abc.def", "Authorization: <secret>"),
    (LINUX, "authorization=Token 12345", "authorization=<secret>"),
    (
        LINUX,
        "{'Authorization': 'Basic Zm9vOmJhcg==', 'Accept': '*/*'}",
        "{'Authorization': '<secret>', 'Accept': '*/*'}",
    ),
    (
        LINUX,
        r"{\"Proxy-Authorization\": \"Basic Zm9v\", \"a\": 1}",
        r"{\"Proxy-Authorization\": \"<secret>\", \"a\": 1}",
    ),
    (LINUX, "(b'Authorization', b'Basic Zm9v')", "(b'Authorization', b'<secret>')"),
    (LINUX, 'Authorization: Digest username="joe", realm="x"', "Authorization: <secret>"),
    (LINUX, "-H 'authorization: Digest username=\"joe\"' -v", "-H 'authorization: <secret>' -v"),
    (LINUX, "Set-Cookie: session=abcdef; Path=/", "Set-Cookie: <secret>"),
    (LINUX, "curl -H 'X-Api-Key: 0123456789'", "curl -H 'X-Api-Key: <secret>'"),
    (LINUX, "sent bearer 0123456789abcdef0123", "sent bearer <secret>"),
    (LINUX, f"ghp_{LETTERS[:36]}", "<secret>"),
    (LINUX, f"GH_TOKEN=gho_{LETTERS[:36]}", "GH_TOKEN=<secret>"),
    (LINUX, f"github_pat_{LETTERS[:22]}_{LETTERS[:59]}", "<secret>"),
    (LINUX, f"glpat-{LETTERS[:20]}", "<secret>"),
    (LINUX, "AKIA2ZU6EQFHEVCAY22H", "<secret>"),
    (LINUX, "aws_secret_access_key = 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", "aws_secret_access_key = <secret>"),
    (LINUX, f"sk-{LETTERS[:48]}", "<secret>"),
    (LINUX, f"sk-proj-{LETTERS[:30]}_T3BlbkFJ-{LETTERS[:20]}", "<secret>"),
    (LINUX, f"HF_TOKEN='hf_{LETTERS[:34]}'", "HF_TOKEN='<secret>'"),
    (LINUX, f"r8_{LETTERS[:37]}", "<secret>"),
    (LINUX, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "<secret>"),
    (LINUX, "xoxb-123456789012-abcdefghijkl", "<secret>"),
    (LINUX, "xoxa-psratkwobmrq", "<secret>"),
    (LINUX, 'sumoToken = "suJVFiKjMiSelK"', 'sumoToken = "<secret>"'),
    (LINUX, 'sumoAccessId = "suJVFiKjMiSe42"', 'sumoAccessId = "<secret>"'),
    (LINUX, "https://hooks.slack.com/services/T000/B000/XXXX", "https://<secret>"),
    (LINUX, "https://discord.com/api/webhooks/1234/abc-DEF_1", "https://<secret>"),
    (LINUX, f"https://a.webhook.office.com/webhookb2/{LETTERS[:40]}", "https://a.<secret>"),
    (LINUX, f"with _session={LETTERS[:40]} in it", "with _session=<secret> in it"),
    (LINUX, f"by pubkey-{HEX[:32].lower()}", "by <secret>"),
    (LINUX, "AIzaSyA" + LETTERS[:32], "<secret>"),
    (LINUX, "sk_live_0123456789abcdefghij", "<secret>"),
    (LINUX, f"npm_{LETTERS[:36]}", "<secret>"),
    (LINUX, f"SG.{LETTERS[:22]}.{LETTERS[:43]}", "<secret>"),
    (LINUX, "password: hunter22", "password: <secret>"),
    (LINUX, '{"api_key": "0123456789abcdef"}', '{"api_key": "<secret>"}'),
    (LINUX, "GET /m?token=0123456789&v=2", "GET /m?token=<secret>&v=2"),
    (LINUX, f"sk-ant-api03-{(LETTERS * 2)[:93]}AA, sk-ant-oat01-{LETTERS}", "<secret>, <secret>"),
    (LINUX, f"sgp_{HEX[:40]}, sgp_local_{HEX[:40]}, sgp_{HEX[:16]}_{HEX[:40]}", "<secret>, <secret>, <secret>"),
    (LINUX, f"sntrys_eyJ{(LETTERS * 2)[:90]}_{LETTERS[:43]}", "<secret>"),
    (LINUX, f"telegram_key='12345678:AA{LETTERS[:33]}' telegram_pwd='a:b3'", "telegram_key='<secret>' telegram_pwd='<secret>'"),
    (LINUX, f"-----BEGIN PRIVATE KEY-----\n\tMIIE{LETTERS}\n\t-----END PRIVATE KEY-----", "<secret>"),
]
# What a log, Python, JSON, a URL or HTML writes differently.
TOKEN = f"hf_{LETTERS[:34]}"
ESCAPED = [
    (LINUX, rf"\x1b[32m{TOKEN}\x1b[0m using", r"\x1b[32m<secret>\x1b[0m using"),
    (LINUX, f"\x1b[1;36m{TOKEN}\x1b[0m", "\x1b[1;36m<secret>\x1b[0m"),
    (LINUX, rf"'token:\n{TOKEN}'", r"'token:\n<secret>'"),
    (LINUX, f"https%3A%2F%2Fx%3Ftoken%3D{TOKEN}%26v%3D2", "https%3A%2F%2Fx%3Ftoken%3D<secret>%26v%3D2"),
    (LINUX, f"https%253A%252F%252Fx%253Fq%253D{TOKEN}", "https%253A%252F%252Fx%253Fq%253D<secret>"),
    (LINUX, rf"\"{{\\\"a\\\": \\\"{TOKEN}\\\"}}\"", r"\"{\\\"a\\\": \\\"<secret>\\\"}\""),
    (LINUX, f"<a href=&quot;?key=x&amp;token={TOKEN}&quot;>", "<a href=&quot;?key=x&amp;token=<secret>&quot;>"),
    (LINUX, r"\x1b[36mpassword\x1b[0m=\x1b[35mhunter22\x1b[0m", r"\x1b[36mpassword\x1b[0m=\x1b[35m<secret>\x1b[0m"),
    (LINUX, r"key \x1b[1mAKIA2ZU6EQFHEVCAY22H\x1b[0m", r"key \x1b[1m<secret>\x1b[0m"),
    (LINUX, r"\x1b[34m/home/maria/x.png\x1b[0m", r"\x1b[34m<home>/x.png\x1b[0m"),
    (LINUX, r"\u001b[34mann@example.com\u001b[0m", r"\u001b[34m<e-mail>\u001b[0m"),
    (LINUX, r"'to:\nann@example.com'", r"'to:\n<e-mail>'"),
    (LINUX, "ann%40example.com", "<e-mail>"),
    (LINUX, r"'ann\u0040example.com\n'", r"'<e-mail>\n'"),
    (LINUX, r"\x1b[1mjörg\x1b[0m logged in", r"\x1b[1m<user>\x1b[0m logged in"),
    (LINUX, r"b'j\xc3\xb6rg', 'j\xf6rg', j\303\266rg", r"b'<user>', '<user>', <user>"),
    (LINUX, "j&#246;rg and j&#xF6;rg", "<user> and <user>"),
    (WINDOWS, r"b'C:\\Users\\Ann M\xc3\xbcller\\x'", r"b'<home>\\x'"),
    (WINDOWS, r"C:\Users\nina\new", r"<home>\new"),  # no escape, whatever it looks like
    (LINUX, f"first\n\tAuthorization: Bearer\n\tabc\n\t{TOKEN}\n\tlast", "first\n\tAuthorization: Bearer\n\tabc\n\t<secret>\n\tlast"),
]
NAMED = [
    (LINUX, text.replace("@@", "pA55.w0rd"), text.replace("@@", "<secret>"))
    for text in [
        "password=@@", "password: @@", 'password="@@"', "password = '@@'", "password := `@@`", '"password": "@@"', "PASSWORD=@@;",
        r'{\"password\": \"@@\"}', "'password': b'@@'", "db_password=@@", "dbPassword=@@", "DB.PASSWORD ::= @@", "pwd=@@&x=1",
        '"passwd" => "@@"', "(password=@@)", "[password: @@]", "--password @@", "--password=@@ --verbose", "--db-password '@@'",
        '("password", "@@")', "<password>@@</password>", "passphrase: @@", "secret=@@", "client_secret: @@", "clientSecret=@@",
        "SECRET_KEY=@@", "secret_key_base: @@", "aws.secretAccessKey=@@", "API_KEY=@@", "apiKey: '@@'", "x-api-key: @@",
        'var password string = "@@"', "password,@@ password=@@".replace("password,@@ ", ""), "credentials=@@", "AUTH_PASSWORD='@@'",
        "user=ann;password=@@;host=x", "new password: @@, old password: @@", "password_base64=@@", "?password=@@&x=1", '<add key="Password" value="@@" />',
    ]
] + [
    (LINUX, 'password="two words, and more"', 'password="<secret>"'),
    (LINUX, r'password="with \" and more"', 'password="<secret>"'),
    (LINUX, "password=a,b;c&d!e", "password=<secret>"),
    (LINUX, "password=correct-horse-battery", "password=<secret>"),
    (LINUX, "no password is set: password=hunter22", "no password is set: password=<secret>"),
    (LINUX, "--password help --password hunter22", "--password help --password <secret>"),
    (LINUX, "accessToken: 8f14e45fceea167a", "accessToken: <secret>"),
    (LINUX, "access_token='8f14e45fceea167a'", "access_token='<secret>'"),
    (LINUX, "session-token=8f14e45fceea167a", "session-token=<secret>"),
    (LINUX, "MYTOKEN=8f14e45fceea167a", "MYTOKEN=<secret>"),
    (LINUX, '"auth": "Zm9vOmJhcjEyMw=="', '"auth": "<secret>"'),
    (LINUX, "encryption_key: 8f14e45fceea167a5a36dedd4bea2543", "encryption_key: <secret>"),
    (LINUX, "http://ann:p@SECRET@proxy:3128/", "http://<secret>@proxy:3128/"),
    (LINUX, "GET /x?X-Amz-Signature=8f14e45fceea&X-Amz-Date=2025", "GET /x?X-Amz-Signature=<secret>&X-Amz-Date=2025"),
    (LINUX, "/callback?code=4/0AX4XfWh&state=8f14e45f", "/callback?code=<secret>&state=<secret>"),
    (LINUX, "https://x.blob.core.windows.net/c?sv=2022&sig=8f14e45fce%3D", "https://x.blob.core.windows.net/c?sv=2022&sig=<secret>"),
    (LINUX, '"Authorization": "Digest username=\\"joe\\", nonce=1"', '"Authorization": "<secret>"'),
    (LINUX, "curl -u ann:pA55w0rd https://x", "curl -u <secret> https://x"),
    (LINUX, "curl --user 'ann:pA55 w0rd' https://x", "curl --user <secret> https://x"),
    (LINUX, f"-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{LETTERS}\n-----END PGP PRIVATE KEY BLOCK-----\nx", "<secret>\nx"),
    (LINUX, rf"'-----BEGIN RSA PRIVATE KEY-----\n{LETTERS}\n-----END RSA PRIVATE KEY-----\n'", r"'<secret>\n'"),
    (LINUX, f"-----BEGIN PRIVATE KEY-----\n\t{LETTERS}\n" + f"\t{LETTERS}\n" * 200 + "\t-----END PRIVATE KEY-----", "<secret>"),
]
PEOPLE = Redactor(
    ["/home/ann"], ["ann", "annika", "max"], ["ANNBOX", "annbox.corp.example.com"], real_names=["Annika Schmidt", "Ubuntu User"]
)
PLACES = [
    (PEOPLE, "ANNBOX, annbox, Annbox.corp.example.com", "<host>, <host>, <host>"),
    (PEOPLE, "annika_backup, /tmp/torchinductor_ann, x_annika.log", "<user>_backup, /tmp/torchinductor_<user>, x_<user>.log"),
    (PEOPLE, "Annika, ANNIKA", "<user>, <user>"),
    (PEOPLE, "Annika Schmidt, schmidt.annika, Schmidt, Annika", "<user>, <user>, <user>"),
    (PEOPLE, "Copyright Schmidt", "Copyright <user>"),
    (PEOPLE, "Ubuntu User", "Ubuntu User"),
    (PEOPLE, "max 5 channels, annealing, ann2, ANN", "max 5 channels, annealing, ann2, ANN"),
] + [
    (LINUX, text.replace("@@", "maria"), text.replace("@@", "<user>"))
    for text in [
        "/tmp/torchinductor_@@/x", "/tmp/pytest-of-@@/x", "/tmp/hsperfdata_@@/1", "https://uni.example.edu/~@@/x", "~@@/models/x",
    ]
] + [
    (LINUX, text.replace("@@", home), text.replace("@@", "<home>"))
    for text, home in [
        *((text, home) for home in [
            "/home/maria", "/Users/maria", "/var/home/maria", "/export/home/maria", "/usr/home/maria", "/srv/home/maria",
            "/nfs/home/maria", "/data/home/maria", "/mnt/home/maria", "/net/fileserver/home/maria", "/cluster/home/maria",
            "/homes/maria", "/users/maria", "/export/users/maria", "/usr/people/maria", "/afs/example.org/user/m/maria",
            "/home/corp/maria", "/home/CORP/maria", "/home/corp.example.com/maria", "/home/users/maria", "/home/staff/maria",
            "/System/Volumes/Data/Users/maria", "/Network/Servers/host.example.org/Users/maria",
            "/mnt/c/Users/maria", "/cygdrive/c/Users/maria", "/c/Users/maria", "C:/Users/maria", "d:/users/maria",
        ] for text in ("open @@/x.png", "'@@/a b'", "file://@@/x", "PATH=@@/bin:/bin")),
        *((text, home) for home in [
            r"C:\Users\maria", r"c:\users\maria", r"D:\USERS\maria", r"C:\Documents and Settings\maria", r"\\corp\users\maria",
            r"\\nas\homes\maria", r"\\nas\home$\maria", r"\\corp.example.com\Profiles\maria", r"Z:\home\maria",
            r"C:\\Users\\maria",
        ] for text in (r"open @@\x.png", r"'@@\a b'")),
    ]
] + [
    (LINUX, r"C:\Users\Maria Lopez\x", r"<home>\x"),
    (LINUX, r"C:\Users\maria\OneDrive - Contoso Ltd\x", r"<home>\OneDrive - <company>\x"),
    (LINUX, "/Users/maria/Library/CloudStorage/OneDrive-ContosoLtd/x", "<home>/Library/CloudStorage/OneDrive-<company>/x"),
    (LINUX, "~/Dropbox (Contoso)/x", "~/Dropbox (<company>)/x"),
    (LINUX, "/Volumes/Maria's Disk/x", "/Volumes/<volume>/x"),
    (LINUX, "/run/media/maria/STICK", "/run/media/<user>/<volume>"),
    (LINUX, "/media/maria/Holiday 2024/x", "/media/<user>/<volume>/x"),
]  # fmt: skip
FALSE_ALARMS = [
    (LINUX, "Log file: /var/log/x.log, log and logger"),  # a user called log
    (LINUX, "listening on localhost:8000"),  # a host called localhost
    (LINUX, "jörgen and jörg2 and xjörg"),
    (LINUX, "2025-10-19 05:52:25.123 [1234] [INFO] Upscaled picture@2x.png"),
    (LINUX, "git@github.com:chaiNNer-org/chaiNNer.git"),
    (LINUX, "npm install electron@25.3.1 @types/node@20"),
    (LINUX, "https://example.com/home/page and https://example.com/Users/1"),
    (LINUX, "https://example.com/a@b/c?d=e@f"),
    (LINUX, "pip install scikit-learn sk-learn-contrib-package"),
    (LINUX, "password=None, secret: null, api_key=''"),
    (LINUX, "tokenizer: 32000 tokens, max_token=4096, key=3"),
    (LINUX, "eyJ is how they begin; AKIA too; ghp_ and hf_model"),
    (LINUX, "a bearer of news; authorization failed"),
    (LINUX, r"C:\Users\Public\Documents"),
    (LINUX, "GET /users/1/edit, POST /users/new, \"GET /users/maria HTTP/1.1\" 200, /Users/Shared/x"),
    (LINUX, "def login(user: str, password: str, token: Optional[str] = None, key: bytes) -> bool:"),
    (LINUX, "    password = getpass.getpass()\n\t    secret = config.secret\n\t    key = self.key(name)"),
    (LINUX, "    y = x@self.weight + q@k.transpose(-2, -1) @ w@w.mT; a@b.T; z@cls.bias"),
    (LINUX, "password: required, wrong password: try again, Enter your password: "),
    (LINUX, "password=$PASSWORD, --password ${DB_PASSWORD}, token: <your token>, secret={{ .Values.secret }}, key=%KEY%"),
    (LINUX, "Authorization: Bearer $TOKEN, 'Authorization: Basic ***'"),
    (LINUX, "key=value, keyboard: us, monkey=3, primary_key=user_id_2, cache key: 4x_ESRGAN_1234, hotkey=ctrl1"),
    (LINUX, "tokens: 5123, pad_token='<pad>', n_tokens=128000, tokenizer=Qwen2.5-7B-Instruct"),
    (LINUX, "commit 7dabac0e8d2b4d0f2e5cb4a5f04cd412fe946667b, md5=5c94767cedb5d6987c902ac850ded2c6"),
    (LINUX, "id=0736f5ef-7e88-499a-80cc-90c85d2a5180 sha256:eaaa7b11777babe28e6133a8b19ff71cea687e0d7f05158dee95a71f76ce3d00"),
    (LINUX, "AKIAIOSFODNN7EXAMPLE, aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),  # of a documentation
    (LINUX, "ghp_abcdefghijklmnopqrstuvwxyz0123456789, xoxb-1-YourAppAccessTokenHere"),
    (LINUX, "token: xoxb-123456789012-123456789012-####################, sk-proj-q7wEr2tYu8iOp3aSd9fG****"),
    (LINUX, f"sk-ant-api03-{LETTERS}AA, sgp_local_{HEX[:39]}, sntrys_eyJ{(LETTERS * 2)[:90]}_{LETTERS[:44]}"),  # of another length
    (LINUX, f"telegram_api_token = '5935:A{LETTERS[:34]}', type='clm41747:AgencyIdentificationCodeContentType'"),
    (LINUX, f"publicToken = '{LETTERS[:43]}', db_password: ENC[AES256_GCM,data:W3PiZ6lD6bpfAdI=,type:str]"),
    (LINUX, "https://example.com/video_box.ico-7a388b69018576d24b59331fd60aab0c.png"),
    (LINUX, "/Volumes/Macintosh HD/x, OneDrive - Personal, about ~5 MB"),
    (LINUX, "<home>/x of <user>"),
    (WINDOWS, r"C:\Windows\System32\users.dll"),
    (WINDOWS, "Anna Müllerin"),
    (ODD, "jxdoe and j.doe2 and build77"),
    (Redactor(["/root"], ["root"], ["worker"]), "the root of a worker; /rootfs; C:/root.txt"),
    (Redactor(["/"], ["a", "42", "host", "info"], ["main"]), "a [42] [INFO] host of main/a"),
]
FALLING_APART = [  # into what looks like names
    (LINUX, "fastly_token = w_h_ax1-yp-ufxj89-vithtr3=8mm_46", "fastly_token = <secret>"),
    (LINUX, "fastly_name = model_4x-upscale=fast_v2", "fastly_name = model_4x-upscale=fast_v2"),
]
TABLE = [*FALLING_APART, *HOMES, *NAMES, *E_MAIL, *SECRETS, *ESCAPED, *NAMED, *PLACES, *((redactor, text, text) for redactor, text in FALSE_ALARMS)]


@pytest.mark.parametrize(("redactor", "text", "expected"), TABLE, ids=range(len(TABLE)))
def test_what_tells_who_the_user_is_is_replaced_by_what_it_was(redactor, text, expected):
    assert redactor(text) == expected
    assert (
        redactor(f"2025-10-19 05:52:25.123 [1] [INFO] {text}\n") == f"2025-10-19 05:52:25.123 [1] [INFO] {expected}\n"
    )


@pytest.mark.parametrize("redactor", {id(row[0]): row[0] for row in TABLE}.values(), ids=itertools.count())
def test_what_is_found_in_a_record_alone_is_found_in_it_among_others(redactor):
    def among_others(texts):
        return "".join(f"2025-10-19 05:52:25.123 [1] [INFO] {each}\n2025-10-19 05:52:25.124 [1] [INFO] and then\n" for each in texts)

    rows = [row[1:] for row in TABLE if row[0] is redactor]
    redacted = redactor(among_others(text for text, _ in rows)).split("\n")
    assert redacted == among_others(expected for _, expected in rows).split("\n")


def test_no_record_is_read_together_with_the_next_one():
    head = "2025-10-19 05:52:25.123 [1] [INFO]"
    text = f"{head} kind: Secret\n\tdata: a\n{head} b\n\tentry: Y29ycmVjdGhvcnNlNDI=\n{head} c\n"
    assert Redactor()(text) == text


def test_the_table_is_long_enough():
    assert len(TABLE) >= 60


def test_it_finds_the_user_of_another_computer_in_the_paths_of_log_files():
    redactor = Redactor()
    redactor.learn("[INFO] Logger initialized for host process. Log file: /home/maria/.config/chaiNNer/logs/host.log\n")
    redactor.learn("[INFO] Logger initialized for host process. Log file: C:\\Users\\Ann Lee\\AppData\\host.log\n")
    assert redactor("maria, /home/maria/x, Ann Lee") == "<user>, <home>/x, <user>"


def test_it_counts_what_it_replaced():
    redactor = Redactor(["/home/joe"], ["joe"])
    redactor("/home/joe/a joe\n" * 3 + "a@example.com")
    assert redactor.replaced == {"home": 3, "user": 3, "e-mail": 1}


def test_it_knows_this_user_and_this_computer(monkeypatch):
    monkeypatch.setenv("HOME", "/data/people/maria")
    monkeypatch.setenv("USER", "mlopez")
    monkeypatch.setattr("socket.gethostname", lambda: "marias-laptop.example.org")
    redactor = Redactor.of_this_system()
    text = "/data/people/maria/x of mlopez on marias-laptop, marias-laptop.example.org"
    assert redactor(text) == "<home>/x of <user> on <host>, <host>"


@pytest.mark.skipif(sys.platform == "win32", reason="the system itself is asked there")
def test_the_display_name_of_windows_is_asked_for_as_the_system_tells_it(monkeypatch):
    freed = []

    def of_domain(kind, name, size):
        name.value = "Ann Müller" if kind == 3 and size._obj.value == 256 else ""
        return 1

    def of_computer(server, user, level, info):
        info._obj.contents = (wintypes.LPWSTR * 4)(user, None, None, "Annika M. Müller")
        return 0 if (server, user, level) == (None, "annika", 10) else 2221

    system = {
        "secur32": types.SimpleNamespace(GetUserNameExW=of_domain),
        "netapi32": types.SimpleNamespace(NetUserGetInfo=of_computer, NetApiBufferFree=lambda buffer: freed.append(buffer)),
    }
    monkeypatch.setattr(ctypes, "WinDLL", system.__getitem__, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setenv("USERNAME", "annika")
    assert list(identity._windows_names()) == ["Ann Müller", "Annika M. Müller"] and len(freed) == 1


def test_it_replaces_the_same_across_long_texts():
    redactor = Redactor(["/home/joe"], ["joe"], ["joes-pc"])
    line = "2025-10-19 05:52:25.123 [1234] [INFO] /home/joe/x by joe on joes-pc\n\tand file:///home/joe\n"
    expected = "2025-10-19 05:52:25.123 [1234] [INFO] <home>/x by <user> on <host>\n\tand file://<home>\n"
    assert redactor(line * 10_000) == expected * 10_000


def test_a_record_is_redacted_as_a_whole_wherever_it_stands_and_however_long_it_is(monkeypatch):
    head = "2025-10-19 05:52:25.123 [1] [INFO]"
    manifest = "kind: Secret\n\tdata:\n\t  entry: Y29ycmVjdGhvcnNlNDI=\n"  # only the first line tells what the last one is

    def is_redacted(text):  # to show where it is not would take minutes
        return Redactor()(text) == text.replace("Y29ycmVjdGhvcnNlNDI=", "<secret>")

    assert is_redacted(f"{head} {'a ' * 150_000}{manifest}" * 2)
    monkeypatch.setattr(redaction, "_CHUNK", 16 * 1024)  # as there are ends of pieces in a short text then
    text = (f"{head} {manifest}" * 20 + f"{head} {'x' * 90}\n" * 40) * 13 + f"{head} {'a ' * 9_000}{manifest}" * 3
    assert [shift for shift in range(0, 400, 37) if not is_redacted("y" * shift + "\n" + text)] == []


# What a rule begins with, goes on with, or would end with, again and again and never to its end.
UNITS = [
    "a", "a-", "a%20", "C:/Users/a%20", "C:\\Users\\a ", "\\", "\\\\", "\\\\a\\users\\", "/home/", "/media/a/", "/Volumes/a ", "~a/",
    "%25", "%2F", "\\u0041", "&amp;", "\\x1b[32m", "key=", "token=\"", "password='", "\"password\": ", "--token=a1", "secret", "sonar",
    "Authorization: ", "authorization=\"", "curl -u a:", "://a:b@", "a@b.", "x@b.com", "eyJabcdefgh.", "sk-a1", "AKIA", "12345:A",
    "_eyJ", "sntrys_eyJ", "sgp_a_", "-----BEGIN PRIVATE KEY-----", "<password>a", "?code=", "&code=abcdefg",
    "OneDrive - ", "Dropbox (", "annika_", "Ann M", "\n\t", "telegram:a ", "AbcDef", "token here ", "EXAMPLE", "kind: Secret data: a: ",
    "\u0130", "\udc80", "\n\tpassword:\n\t",
]  # fmt: skip
NOSY = Redactor(["/home/ann", r"C:\Users\Ann Müller"], ["annika"], ["anns-laptop"], real_names=["Ann Müller"])


@pytest.mark.parametrize("unit", UNITS, ids=range(len(UNITS)))
def test_no_line_takes_more_time_than_its_length_asks_for(unit):
    line = f"2025-10-19 05:52:25.123 [1] [INFO] {unit * (100_000 // len(unit))}\n"
    began = time.process_time()
    NOSY(line)
    assert time.process_time() - began < 5  # it takes 0.2 s; by the square of the length, 12 s and more


def test_a_long_line_is_read_as_it_stands_and_without_all_its_escapes():
    filling = "x" * 100_000
    for written in "/home/ann/x", r"\x2fhome%2Fann/x", r"C:\new\home\ann/x".replace(r"C:\new", ""), r"%5Cx2fhome\x252Fann/x":
        assert NOSY(f"{filling} {written}").endswith("<home>/x")


def test_many_addresses_beside_many_secrets_take_no_more_time_each():
    line = "2025-10-19 05:52:25.123 [1] [INFO] " + "a@b.de, token=a1b2c3d4e5f6 " * 8000
    began = time.process_time()
    assert NOSY(line).count("<e-mail>, token=<secret>") == 8000
    assert time.process_time() - began < 10  # it takes 0.4 s; by the square of their number, half a minute


@pytest.mark.parametrize("seed", range(8))
def test_no_mixture_in_a_line_takes_more_time_than_its_length_asks_for(seed):
    chance = random.Random(seed)
    units = chance.sample(UNITS, chance.choice([2, 3, 5, 10]))
    text = "".join(chance.choice(units) for _ in range(100_000))[:100_000]
    began = time.process_time()
    NOSY(f"2025-10-19 05:52:25.123 [1] [INFO] {text}\n")
    assert time.process_time() - began < 5  # it takes 0.2 s; by the square of the length, 12 s and more


def test_whatever_a_line_holds_it_is_redacted_and_what_is_around_it_stays():
    chance = random.Random(1)
    for _ in range(300):
        pieces = [chance.choice([*UNITS, "annika", "/home/ann", "=", '"', "hunter22", chr(chance.randrange(0xD800))]) for _ in range(40)]
        text = "".join(pieces).replace("\n", " ")
        redacted = NOSY(f"2025-10-19 05:52:25.123 [1] [INFO] {text}\n2025-10-19 05:52:25.124 [1] [INFO] and then\n")
        assert redacted.startswith("2025-10-19 05:52:25.123 [1] [INFO] ")
        assert redacted.endswith("\n2025-10-19 05:52:25.124 [1] [INFO] and then\n")


def test_a_report_of_a_redacted_log_changes_nothing_more():
    for redactor, _, expected in TABLE:
        assert redactor(expected) == expected
