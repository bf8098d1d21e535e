"""What the tokens of many services look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

# Facts about the tokens of many services: how they begin, of which characters the rest consists, and how many these are
# at least, from-to, or with = exactly. a: letters and digits. w: these, - and _. b: w and + / =. d: w and . = ~. With ! a
# digit must be among them, as the beginning alone may be that of a word. A test compares the table with what gitleaks knows.
_TOKENS = """
    A3-w25! AKCpa60! cmVmda50! AKIAa16= ASIAa16= ABIAa16= ACCAa16= A3Ta17= ABSKb109-269 ATATT3b100 AIzaw35= API-a26!=
    AQVNw35! CLOJARS_a40 EAACa60! EAAMa60! EAAAw30! EZAKa50! EZTKa50! FLWPUBK_TEST-w30 FLWSECK_TEST-w12 FLWSECK-w30!
    GOCSPX-w20 GR1348941w20 HRKU-AAw50! LTAIa20!= NRAK-a27 NRII-w32! NRJS-a19 PMAK-w50 SG.d40 SKa32!= YCw38!= ZXlKb60!
    api_org_a34= api_org_a30! bedrock-api-key-b30 cfat_w30! cfut_w30! dapia32 dnkey-w60! doo_v1_a60 dop_v1_a60
    dor_v1_a60 dp.pt.a40 dp.st.d40 dt0c01.d80 duffel_live_b40 duffel_test_b40 fio-u-w60! fm1a_b80 fm1r_b80 fm2_b80
    fo1_w40 ghp_a30 gho_a30 ghu_a30 ghs_a30 ghr_a30 github_pat_w22 glagent-w40 glcbt-w20 glc_b32 gldt-w20 glffct-w20
    glft-w20 glimt-w20 gloas-w50 glpat-d20 glptt-w40 glrt-d20 glsa_w40 glsoat-w20 hf_a34= hf_a30! hvb.d100 hvs.d90
    ico-a32!= key-a32!= lin_api_a40 lin_oauth_a40 mfa.w80! npm_a36 ntn_a46= nvapi-w40 ops_eyJb100 p8e-a32! pat.d60!
    phc_a40! phx_a40! pnu_a36 pplx-a40 pscale_oauth_d32 pscale_pw_d32 pscale_tkn_d32 pubkey-a32!= pul-a40!= pypi-AgEw50
    r8_a30! rdme_a60 rk_live_a10! rk_prod_a10! rk_test_a10! rubygems_a40 s-s4t2af-a60 s-s4t2ud-a60 s.a24!= sat.d60!
    sha256~w40 shippo_live_a40 shippo_test_a40 shpat_a32 shpca_a32 shppa_a32 shpss_a32 sk_live_a10! sk_prod_a10!
    sk_test_a10! sl.d100! sm_aat_a16 sm_pat_a16 sm_sat_a16 sntryu_a64= sq0atp-w22 sq0csp-w22 squ_a40 sqa_a40 sqp_a40
    t1.d90! tfp_d50 tk-us-w40! v1.0-w100! xkeysib-w70 ya29.d20 xapp-w20! xoxa-w8 xoxb-w18! xoxe-w60! xoxe.xoxb-w60!
    xoxe.xoxp-w60! xoxo-w20! xoxp-w20! xoxr-w8 xoxs-w20!
"""
_IRREGULAR = [  # each begins with a letter that is no pattern
    r"sgp_(?:(?:[A-Fa-f0-9]{16}|local)_)?[A-Fa-f0-9]{40}(?!\w)",
    r"sk-ant-(?:api03|admin01)-[\w-]{93}AA(?![\w-])",
    r"sk-(?!ant-(?:api03|admin01)-)(?=[\w-]{0,200}\d)[\w-]{20,}",
    r"sntrys_eyJ[A-Za-z0-9+/]{80,600}={0,2}_[A-Za-z0-9+/]{43}(?![\w+/-])",
]
_ALPHABETS = {"a": "A-Za-z0-9", "w": r"\w-", "b": r"\w+/=-", "d": r"\w.=~-"}


def any_of(texts: Iterable[str]) -> str:
    """Those that begin with the same letter share a branch, as a pattern of a hundred branches would take its time."""
    by_letter: dict[str, list[str]] = {}
    for text in texts:
        by_letter.setdefault(text[0], []).append(text[1:])
    return "|".join(f"{letter}(?:{'|'.join(rests)})" for letter, rests in by_letter.items())


def _known_tokens() -> Iterator[str]:
    for fact in _TOKENS.split():
        found = re.fullmatch(r"(.+?)([awbd])(\d+)(?:-(\d+))?(!?)(=?)", fact)
        assert found is not None, fact
        prefix, alphabet, least, most, needs_digit, is_exact = found.groups()
        characters = _ALPHABETS[alphabet]
        digit = rf"(?=[{characters}]{{0,200}}\d)" if needs_digit else ""
        most = least if is_exact else most
        # pictures and the like are named by such numbers: logo.ico-7a38.png
        count = rf"{{{least},{most}}}(?![{characters}]|\.[a-z]{{3,4}}\b)" if most else f"{{{least},}}"
        yield rf"{prefix[0]}{re.escape(prefix[1:])}{digit}[{characters}]{count}"


KNOWN = re.compile(rf"(?<![A-Za-z0-9+])(?:{any_of([*_known_tokens(), *_IRREGULAR])})", re.ASCII)
_BASE64 = r"(?:[\w/-]|\\[^nrtux\"'\s])"  # also where / is written \/
SHAPES = [
    # JSON web tokens
    re.compile(rf"(?<![A-Za-z0-9])ey[A-Za-z0-9][\w-]{{5,300}}\.{_BASE64}{{6,}}(?:\.{_BASE64}*)*={{0,2}}", re.ASCII),
    re.compile(r"(?<![\w.~-])[\w~.]{3}\dQ~[\w~.-]{31,34}(?![\w~.-])", re.ASCII),  # Entra ID
    re.compile(r"(?<![\w.-])pat[A-Za-z0-9]{14}\.[a-f0-9]{64}(?!\w)", re.ASCII),  # Airtable
    re.compile(r"(?<![\w.-])\d{5,16}:A[\w-]{34}(?![\w-])", re.ASCII),  # Telegram
    re.compile(r"(?<![\w.-])[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mmk(?!\w)", re.ASCII),  # MaxMind
    re.compile(r"(?<![\w.-])[A-Za-z0-9]{14}\.atlasv1\.[\w=-]{60,}", re.ASCII),  # Terraform
    re.compile(r"(?<![\w.-])\d{15,16}[|%][\w-]{27,40}(?![\w-])", re.ASCII),  # Facebook
    re.compile(r"(?<![\w.:-])(?=[\d:]*[a-f])[a-f0-9]{8}:[a-f0-9]{8}(?![\w:-])"),  # Sidekiq
    re.compile(r"(?<=_session=)[\w%-]{20,}"),
    re.compile(r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w/+]{8,}", re.ASCII),
    re.compile(r"discord(?:app)?\.com/api/(?:v\d+/)?webhooks/[\w/-]{8,}", re.ASCII),
    re.compile(r"(?<=\.)webhook\.office\.com/webhookb2/[\w/@-]{20,}", re.ASCII),
]
SOME_RUN = re.compile(r"[\w.~+/:-]{14}", re.ASCII)
AGE = re.compile(r"AGE-SECRET-KEY-1[A-Z0-9]{50,}")
