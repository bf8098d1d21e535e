"""What is replaced in a report, and what is not. Each line of the tables is a text and what becomes of it."""

import pytest

from chainner_logger._report.redaction import Redactor

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

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
    (LINUX, "AKIAIOSFODNN7EXAMPLE", "<secret>"),
    (LINUX, "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws_secret_access_key = <secret>"),
    (LINUX, f"sk-{LETTERS[:48]}", "<secret>"),
    (LINUX, f"sk-proj-{LETTERS[:30]}_T3BlbkFJ-{LETTERS[:20]}", "<secret>"),
    (LINUX, f"HF_TOKEN='hf_{LETTERS[:34]}'", "HF_TOKEN='<secret>'"),
    (LINUX, f"r8_{LETTERS[:37]}", "<secret>"),
    (LINUX, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N", "<secret>"),
    (LINUX, "xoxb-123456789012-abcdefghijkl", "<secret>"),
    (LINUX, "https://hooks.slack.com/services/T000/B000/XXXX", "https://<secret>"),
    (LINUX, "https://discord.com/api/webhooks/1234/abc-DEF_1", "https://<secret>"),
    (LINUX, "AIzaSyA" + LETTERS[:32], "<secret>"),
    (LINUX, "sk_live_0123456789abcdefghij", "<secret>"),
    (LINUX, f"npm_{LETTERS[:36]}", "<secret>"),
    (LINUX, f"SG.{LETTERS[:22]}.{LETTERS[:43]}", "<secret>"),
    (LINUX, "password: hunter22", "password: <secret>"),
    (LINUX, '{"api_key": "0123456789abcdef"}', '{"api_key": "<secret>"}'),
    (LINUX, "GET /m?token=0123456789&v=2", "GET /m?token=<secret>&v=2"),
    (LINUX, f"-----BEGIN PRIVATE KEY-----\n\tMIIE{LETTERS}\n\t-----END PRIVATE KEY-----", "<secret>"),
]
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
    (LINUX, "<home>/x of <user>"),
    (WINDOWS, r"C:\Windows\System32\users.dll"),
    (WINDOWS, "Anna Müllerin"),
    (ODD, "jxdoe and j.doe2 and build77"),
    (Redactor(["/root"], ["root"], ["worker"]), "the root of a worker; /rootfs; C:/root.txt"),
    (Redactor(["/"], ["a", "42", "host", "info"], ["main"]), "a [42] [INFO] host of main/a"),
]
TABLE = [*HOMES, *NAMES, *E_MAIL, *SECRETS, *((redactor, text, text) for redactor, text in FALSE_ALARMS)]


@pytest.mark.parametrize(("redactor", "text", "expected"), TABLE, ids=range(len(TABLE)))
def test_what_tells_who_the_user_is_is_replaced_by_what_it_was(redactor, text, expected):
    assert redactor(text) == expected
    assert (
        redactor(f"2025-10-19 05:52:25.123 [1] [INFO] {text}\n") == f"2025-10-19 05:52:25.123 [1] [INFO] {expected}\n"
    )


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


def test_it_replaces_the_same_across_long_texts():
    redactor = Redactor(["/home/joe"], ["joe"], ["joes-pc"])
    line = "2025-10-19 05:52:25.123 [1234] [INFO] /home/joe/x by joe on joes-pc\n\tand file:///home/joe\n"
    expected = "2025-10-19 05:52:25.123 [1234] [INFO] <home>/x by <user> on <host>\n\tand file://<home>\n"
    assert redactor(line * 10_000) == expected * 10_000
