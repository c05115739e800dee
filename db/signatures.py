"""Signatures that somebody else made with a key pair: verified here with the public half."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey


class KeyUnusable(ValueError):
    """The public key of a setting is no PEM of the kind that is needed."""


def is_signed_ed25519(public_key: str, signature: str, body: bytes) -> bool:
    """Whether `signature` (base64) is Ed25519 over exactly these bytes. Raises KeyUnusable."""
    key = _key(public_key)
    if not isinstance(key, Ed25519PublicKey):
        raise KeyUnusable("The public key is not an Ed25519 key in PEM form.")
    try:
        key.verify(base64.b64decode(signature, validate=True), body)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def is_signed_rsa_sha256(public_key: str, signature: str, body: bytes) -> bool:
    """Whether `signature` (base64) is RSA with SHA-256 and PKCS #1 v1.5 over exactly these bytes. Raises KeyUnusable."""
    key = _key(public_key)
    if not isinstance(key, RSAPublicKey):
        raise KeyUnusable("The public key is not an RSA key in PEM form.")
    try:
        key.verify(base64.b64decode(signature, validate=True), body, padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


@lru_cache(maxsize=8)
def _key(pem: str) -> Any:
    try:
        # An environment variable often holds the line ends as \n.
        return serialization.load_pem_public_key(pem.replace("\\n", "\n").encode())
    except ValueError as error:
        raise KeyUnusable(f"The public key cannot be read: {error}") from error
