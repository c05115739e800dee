"""Signatures of webhooks as GoHighLevel makes them, with keys of our own: nobody has its private ones."""

from __future__ import annotations

import base64
from functools import cached_property

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

PEM = serialization.Encoding.PEM
PUBLIC = serialization.PublicFormat.SubjectPublicKeyInfo


class Signer:
    """Ed25519 in X-GHL-Signature, and, until GHL drops it, RSA-SHA256 in X-WH-Signature; both over the raw body."""

    def __init__(self) -> None:
        self._ed = ed25519.Ed25519PrivateKey.generate()

    @cached_property
    def _rsa(self) -> rsa.RSAPrivateKey:
        return rsa.generate_private_key(65537, 2048)  # half of GHL's length: made in a moment, checked alike

    @property
    def public_key(self) -> str:
        """The PEM that our side has to trust for X-GHL-Signature."""
        return self._ed.public_key().public_bytes(PEM, PUBLIC).decode()

    @property
    def rsa_public_key(self) -> str:
        """The PEM for X-WH-Signature."""
        return self._rsa.public_key().public_bytes(PEM, PUBLIC).decode()

    def headers(self, body: bytes, *, legacy: bool = False) -> dict[str, str]:
        common = {"content-type": "application/json", "user-agent": "axios/1.13.2"}
        if legacy:
            return {**common, "x-wh-signature": self.rsa_signature(body)}
        return {**common, "x-ghl-signature": base64.b64encode(self._ed.sign(body)).decode()}

    def rsa_signature(self, body: bytes) -> str:
        return base64.b64encode(self._rsa.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()
