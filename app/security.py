"""Passwords, tokens, signatures, sealed secrets. Pure functions: keys come in as arguments.

Argon2 takes a third of a second and 64 MiB, so it runs in threads of its own, and only so many at a time.
"""

import asyncio
import hashlib
import hmac
import secrets
import unicodedata
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.errors import Overloaded
from app.text import TooLong

T = TypeVar("T")

MIN_PASSWORD = 8
MAX_PASSWORD_BYTES = 1_024
# Two at once: more would only share the same processors, and each needs 64 MiB.
HASHES_AT_ONCE = 2
# A caller waits about ten seconds behind this many; further ones are better told to come back.
HASHES_WAITING = 60

# The hash of a random password, by the same parameters: what is verified when there is no account, so that the
# answer takes as long as for one that exists.
DUMMY_HASH = (
    "$argon2id$v=19$m=65536,t=3,p=4$ax7LDfarXTzFPQPCXx41Gw$G197YFZPBTtPDXDnNVKk4Hm/k2/N8glMbpBqGrkBGuk"
)

_hasher = PasswordHasher()
_threads = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="argon2")
_waiting = 0


def check_password_strength(password: str) -> str:
    """`password` in the form that is hashed (NFKC), so that it matches however a keyboard composes its accents.

    Raises ValueError with a sentence: fewer than 8 characters, a NUL, half a surrogate pair; TooLong above 1,024 bytes.
    """
    if _is_oversized(password):
        raise TooLong(f"The password is too long. Use at most {MAX_PASSWORD_BYTES:,} bytes.")
    if "\x00" in password or not _is_encodable(password):
        raise ValueError("The password holds a character that cannot be typed. Choose another one.")
    normal = unicodedata.normalize("NFKC", password)
    if len(normal) < MIN_PASSWORD:
        raise ValueError(f"The password is too short. Use at least {MIN_PASSWORD} characters.")
    if _is_oversized(normal):
        raise TooLong(f"The password is too long. Use at most {MAX_PASSWORD_BYTES:,} bytes.")
    return normal


async def hash_password(password: str) -> str:
    """An Argon2id hash. Raises ValueError as `check_password_strength` does, Overloaded when too many wait."""
    return await _in_thread(_hasher.hash, check_password_strength(password))


async def verify_password(password_hash: str | None, password: str) -> bool:
    """Whether `password` is the one of the hash. Takes the same time when there is no hash (None: no such account).

    Raises Overloaded when too many wait.
    """
    try:
        normal = check_password_strength(password)
    except ValueError:
        # No stored password looks like this; still take the time that a wrong one takes.
        password_hash, normal = None, "refused before it was compared"
    return await _in_thread(_matches, password_hash or DUMMY_HASH, normal) and password_hash is not None


def needs_rehash(password_hash: str) -> bool:
    """Whether the parameters have grown since; hash the password anew at the next sign-in."""
    return _hasher.check_needs_rehash(password_hash)


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _hasher.verify(password_hash, password)
    except VerifyMismatchError:
        return False


async def _in_thread(work: Callable[..., T], *arguments: str) -> T:
    global _waiting
    if _waiting >= HASHES_WAITING:
        raise Overloaded("Too many people are signing in just now. Try again in a few seconds.")
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_threads, work, *arguments)
    finally:
        _waiting -= 1


def _is_encodable(password: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in password)


def _is_oversized(password: str) -> bool:
    return len(password) > MAX_PASSWORD_BYTES or len(password.encode("utf-8", "replace")) > MAX_PASSWORD_BYTES


def new_token() -> str:
    """256 random bits, safe in a URL. Give it out once; store only its `token_hash`."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """What is stored of a token: SHA-256 in hex. Enough for random tokens, far too weak for passwords."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def sign(secret_key: str, *parts: str) -> str:
    """An HMAC over `parts`, in hex. Where one part ends and the next begins is signed too."""
    message = b"".join(
        len(part).to_bytes(8, "big") + part for part in (text.encode("utf-8") for text in parts)
    )
    return hmac.new(_derived(secret_key, "signatures"), message, hashlib.sha256).hexdigest()


def is_signed(secret_key: str, signature: str, *parts: str) -> bool:
    """Whether `signature` is the one of `parts`; compared in constant time."""
    return hmac.compare_digest(sign(secret_key, *parts).encode(), signature.encode("utf-8", "replace"))


class CannotUnseal(ValueError):
    """The secret was sealed by a key we do not have, or for another row, or it was changed."""


def seal(secret_key: str, secret: str, *, bound_to: str) -> str:
    """`secret` encrypted (AES-256-GCM) as `key id.base64`.

    `bound_to` names the row it belongs to (project and row id): moved to another row, it does not open.
    """
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(_derived(secret_key, "seals")).encrypt(
        nonce, secret.encode("utf-8"), bound_to.encode("utf-8")
    )
    return f"{seal_key_id(secret_key)}.{urlsafe_b64encode(nonce + sealed).decode('ascii')}"


def unseal(secret_keys: Sequence[str], sealed: str, *, bound_to: str) -> str:
    """What was sealed by one of `secret_keys` (the present one and those it replaces). Raises CannotUnseal."""
    key_id, _, encoded = sealed.partition(".")
    secret_key = next((key for key in secret_keys if seal_key_id(key) == key_id), None)
    if secret_key is None:
        raise CannotUnseal(f"The secret was sealed by the key {key_id[:16]!r}, which is not configured.")
    try:
        raw = urlsafe_b64decode(encoded)
        opened = AESGCM(_derived(secret_key, "seals")).decrypt(raw[:12], raw[12:], bound_to.encode("utf-8"))
    except (InvalidTag, NotBase64, ValueError):
        raise CannotUnseal("The secret was changed, or belongs to another row.") from None
    return opened.decode("utf-8")


def seal_key_id(secret_key: str) -> str:
    """Which key sealed a secret: what stands before its dot. Count these to see whether an old key can go."""
    return hashlib.sha256(_derived(secret_key, "key ids")).hexdigest()[:16]


@lru_cache(maxsize=32)
def _derived(secret_key: str, purpose: str) -> bytes:
    """A key of its own for each purpose, so that one use never weakens another."""
    return HKDF(SHA256(), 32, None, f"divize {purpose}".encode()).derive(secret_key.encode("utf-8"))
