"""The HTML of the sign-in pages: they stand before Streamlit, so they are plain pages with nothing to load."""

from __future__ import annotations

from html import escape
from pathlib import Path
from string import Template

_PAGE = Template((Path(__file__).parent / "static" / "sign_in.html").read_text(encoding="utf-8"))

_FORM = Template("""
<h1>Sign in</h1>
<p class="lead">Conversations, automations and everything your front desk does.</p>
$problem
<form method="post" action="/auth/sign-in">
  <input type="hidden" name="form" value="$form"><input type="hidden" name="next" value="$target">
  <label for="email">E-mail</label>
  <input id="email" name="email" type="email" autocomplete="username" required value="$email" $focus_email>
  <label for="password">Password</label>
  <input id="password" name="password" type="password" autocomplete="current-password" required $focus_password>
  <button type="submit">Sign in</button>
</form>
<p class="hint">No password yet? Whoever runs this installation can print a sign-in link.</p>
""")

_LINK = Template("""
<h1>Signing you in</h1>
<p class="lead">This link works once.</p>
<form method="post"><input type="hidden" name="form" value="$form"><button type="submit">Continue</button></form>
<script nonce="$nonce">document.forms[0].submit()</script>
""")


def form(form_token: str, target: str, email: str, problem: str) -> str:
    notice = f'<p class="problem" role="alert">{escape(problem)}</p>' if problem else ""
    body = _FORM.substitute(
        form=escape(form_token),
        target=escape(target),
        email=escape(email),
        problem=notice,
        focus_email="" if email else "autofocus",
        focus_password="autofocus" if email else "",
    )
    return _PAGE.substitute(title="Sign in", body=body)


def link(form_token: str, nonce: str) -> str:
    return _PAGE.substitute(title="Signing you in", body=_LINK.substitute(form=escape(form_token), nonce=escape(nonce)))


def headers(nonce: str = "") -> dict[str, str]:
    """A page that may load nothing, post only to this site, and be framed by nobody."""
    scripts = f"script-src 'nonce-{nonce}'; " if nonce else ""
    policy = f"default-src 'none'; {scripts}style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    return {"content-security-policy": policy, "cache-control": "no-store", "referrer-policy": "same-origin"}
