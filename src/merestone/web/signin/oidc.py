"""The OpenID Connect exchange: authorization code with PKCE, then an ID token that is checked in full.

Every check is one of OpenID Connect Core 1.0, section 3.1.3.7, none is left to the transport: signature by a key of the
provider, issuer, audience, times, nonce. Who is let in with the claims is ``app.sign_in``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import urlencode

from merestone.app.single_sign_on import LOCAL, SingleSignOn

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
CLOCKS_DIFFER_SECONDS = 60
FRESH_SECONDS = 300
TIMEOUT_SECONDS = 10


class Refused(Exception):
    """The provider's answer is not to be trusted; the words are for the server's log and the audit log."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of the provider, kept in the session until it answers.

    Parameters
    ----------
    state, nonce, verifier : str
        Random texts that tie the answer, the token and the exchange to this session.
    target : str
        Where to go on.
    is_fresh : bool
        Whether the provider has to ask the person again.
    """

    state: str
    nonce: str
    verifier: str
    target: str
    is_fresh: bool

    def as_dict(self) -> dict[str, Any]:
        """Return it for the session."""
        return asdict(self)


def ask(sso: SingleSignOn, *, callback: str, target: str, is_fresh: bool) -> tuple[str, Asked]:
    """Return the address to send the browser to, and what to keep meanwhile."""
    asked = Asked(
        secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48), target, is_fresh
    )
    digest = hashlib.sha256(asked.verifier.encode()).digest()
    words = {
        "response_type": "code", "client_id": sso.client_id, "redirect_uri": callback, "scope": " ".join(sso.scopes),
        "state": asked.state, "nonce": asked.nonce, "code_challenge_method": "S256",
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
    }  # fmt: skip
    if is_fresh:
        words |= {"prompt": "login", "max_age": "0"}
    address = _endpoint(discovered(sso), "authorization_endpoint")
    return f"{address}{'&' if '?' in address else '?'}{urlencode(words)}", asked


def answered(sso: SingleSignOn, asked: Asked, *, state: str, code: str, callback: str) -> dict[str, Any]:
    """Return the checked claims for the code the browser brought back.

    Raises
    ------
    Refused
        If anything about the answer is wrong, or the provider cannot be reached.
    """
    if not hmac.compare_digest(state, asked.state):
        raise Refused("the state is not the one of this session")
    found = discovered(sso)
    tokens = _exchange(sso, found, code=code, verifier=asked.verifier, callback=callback)
    claims = checked(sso, str(tokens.get("id_token", "")), nonce=asked.nonce, keys=_keys(found))
    if asked.is_fresh and time.time() - float(claims.get("auth_time") or 0) > FRESH_SECONDS:
        raise Refused("the provider did not ask the person again")
    return claims if "email" in claims else claims | _more(found, tokens, claims["sub"])


def checked(sso: SingleSignOn, token: str, *, nonce: str, keys: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of an ID token after every check of it; Refused when one fails."""
    import jwt

    try:
        key_id = jwt.get_unverified_header(token).get("kid")
        found = jwt.PyJWKSet.from_dict(keys).keys
        key = next(one for one in found if one.key_id == key_id or (key_id is None and len(found) == 1))
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=ALGORITHMS,
            audience=sso.client_id,
            issuer=sso.issuer,
            leeway=CLOCKS_DIFFER_SECONDS,
            options={"require": ["exp", "iat", "iss", "aud", "sub"]},
        )
    except StopIteration as error:
        raise Refused("the token is signed by a key the provider does not publish") from error
    except (jwt.PyJWTError, TypeError, ValueError) as error:
        raise Refused(f"the token is not right: {error}") from error
    if not hmac.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise Refused("the token's nonce is not the one of this session")
    party = claims.get("azp")
    if party not in (None, sso.client_id) or (
        isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and not party
    ):
        raise Refused("the token was issued to another party")
    return claims


def discovered(sso: SingleSignOn) -> dict[str, Any]:
    """Return what the provider says about itself; Refused when it says it is another."""
    found = _json("GET", sso.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if found.get("issuer") != sso.issuer:
        raise Refused(f"the provider calls itself '{found.get('issuer')}'")
    return found


def _exchange(
    sso: SingleSignOn, found: dict[str, Any], *, code: str, verifier: str, callback: str
) -> dict[str, Any]:
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": callback, "code_verifier": verifier,
        "client_id": sso.client_id,
    }  # fmt: skip
    basic = None
    if sso.client_secret:
        # Basic is what a provider offers that does not say.
        if "client_secret_post" in found.get("token_endpoint_auth_methods_supported", ()):
            form["client_secret"] = sso.client_secret
        else:
            basic = (sso.client_id, sso.client_secret)
    return _json("POST", _endpoint(found, "token_endpoint"), data=form, auth=basic)


def _keys(found: dict[str, Any]) -> dict[str, Any]:
    return _json("GET", _endpoint(found, "jwks_uri"))


def _more(found: dict[str, Any], tokens: dict[str, Any], subject: str) -> dict[str, Any]:
    """Return what the provider tells beside the token; it must be about the same person."""
    if "userinfo_endpoint" not in found:
        return {}
    headers = {"Authorization": f"Bearer {tokens.get('access_token', '')}"}
    said = _json("GET", _endpoint(found, "userinfo_endpoint"), headers=headers)
    if said.get("sub") != subject:
        raise Refused("the provider told about another person")
    return {
        name: value
        for name, value in said.items()
        if name in ("email", "email_verified", "name", "groups", "roles")
    }


def _endpoint(found: dict[str, Any], name: str) -> str:
    address = str(found.get(name, ""))
    if not (address.startswith("https://") or LOCAL.match(address)):
        raise Refused(f"the provider's {name} is not an HTTPS address")
    return address


def _json(method: str, address: str, **options: Any) -> dict[str, Any]:
    import requests

    try:
        response = requests.request(
            method, address, timeout=TIMEOUT_SECONDS, allow_redirects=False, **options
        )
        response.raise_for_status()
        found = response.json()
    except (requests.RequestException, ValueError) as error:
        raise Refused(f"the provider did not answer as it should: {error}") from error
    if not isinstance(found, dict):
        raise Refused("the provider's answer holds no table")
    return found
