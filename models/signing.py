"""Who made a bundle, and that nothing in it changed since.

The signature is written as OpenSSF model-signing 1.1 writes it, so that its public tool can check ours and we check
its: a sigstore bundle (JSON) with a DSSE envelope over an in-toto statement that lists every file and its SHA-256,
signed with ECDSA on P-256. Format: https://github.com/sigstore/model-transparency and
https://github.com/secure-systems-lab/dsse (v1 pre-authentication encoding). Verified offline.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from models.archive import read_files
from models.errors import BundleIntegrityError, BundleRevokedError, BundleSignatureError
from models.signing_key import public_pem
from models.trust import TrustedKey, TrustStore, fingerprint

SIGNATURE = "signature"

_BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_PREDICATE_TYPE = "https://model_signing/signature/v1.0"

_Decoded = TypeVar("_Decoded", bound=msgspec.Struct)
State = Literal["trusted", "untrusted", "unsigned"]


@dataclass(frozen=True, slots=True)
class SignatureStatus:
    """What a bundle's signature is worth: ``trusted`` was checked with the known key ``key``; ``untrusted`` lists the
    files' hashes but nobody known vouches for it; ``unsigned`` has none. ``fingerprint`` is the SHA-256 of the signer's
    public key (PEM), hex, as the signature claims it."""

    state: State
    key: str | None = None
    fingerprint: str | None = None


class _Resource(msgspec.Struct, frozen=True):
    name: str
    algorithm: str
    digest: str


class _Predicate(msgspec.Struct, frozen=True):
    serialization: dict[str, Any]
    resources: tuple[_Resource, ...]


class _Statement(msgspec.Struct, frozen=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    type: str
    subject: tuple[dict[str, Any], ...]
    predicate_type: str
    predicate: _Predicate


class _Signature(msgspec.Struct, frozen=True):
    sig: str
    keyid: str = ""


class _Envelope(msgspec.Struct, frozen=True, rename="camel"):
    payload: str
    payload_type: str
    signatures: tuple[_Signature, ...]


class _KeyHint(msgspec.Struct, frozen=True):
    hint: str


class _Material(msgspec.Struct, frozen=True, rename="camel"):
    public_key: _KeyHint
    tlog_entries: tuple[Any, ...] = ()


class _SigstoreBundle(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str
    verification_material: _Material
    dsse_envelope: _Envelope


def sign(directory: Path, private_key: ec.EllipticCurvePrivateKey) -> Path:
    """Sign every file under ``directory`` and write ``directory/signature``, which is left out of itself.

    Raises ``BundleFormatError`` for a link, a special file or an unsafe name.
    """
    path = directory / SIGNATURE
    path.write_bytes(sign_files(read_files(directory), directory.resolve().name, private_key))
    return path


def sign_files(files: Mapping[str, bytes], name: str, private_key: ec.EllipticCurvePrivateKey) -> bytes:
    """The signature, as a file's content, over all ``files`` but an earlier signature; ``name`` tells what they are."""
    payload = json.dumps(_statement(name, _digests(files)), indent=2).encode()
    signature = private_key.sign(_pre_authentication_encoding(payload), ec.ECDSA(hashes.SHA256()))
    document = {
        "mediaType": _BUNDLE_TYPE,
        "verificationMaterial": {
            "publicKey": {"hint": fingerprint(public_pem(private_key.public_key()))},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": _PAYLOAD_TYPE,
            "signatures": [{"sig": base64.b64encode(signature).decode(), "keyid": ""}],
        },
    }
    return json.dumps(document).encode()


def bundle_digest(files: Mapping[str, bytes]) -> str:
    """SHA-256, hex, that names a bundle: the one digest of its statement's subject, over the digests of all files but
    the signature in the order of their names; the same for a folder and a ``.nexara`` file, whoever signed it."""
    return _root_digest(_digests(files))


def verify(files: Mapping[str, bytes], trust: TrustStore, where: str) -> SignatureStatus:
    """Check ``files`` (a whole bundle, its signature among them) against their signature and ``trust``.

    Raises ``BundleSignatureError`` when the signature is absent, malformed or of a key not trusted and ``trust`` does
    not explicitly allow that, or when it is false; ``BundleIntegrityError``, naming the file, for one that is missing,
    added or changed, and ``BundleRevokedError`` for a bundle, or a signer, that was withdrawn, which no policy allows.
    """
    _forbid_revoked("bundle", bundle_digest(files), trust, where)
    if SIGNATURE not in files:
        if trust.accept == "unsigned":
            return SignatureStatus("unsigned")
        raise BundleSignatureError(
            f"{where}: no {SIGNATURE} file; sign the bundle, or allow unsigned bundles explicitly for development"
        )
    sigstore = _decode(files[SIGNATURE], _SigstoreBundle, where)
    payload = _from_base64(sigstore.dsse_envelope.payload, where)
    hint = sigstore.verification_material.public_key.hint
    _forbid_revoked("key", hint, trust, where)
    key = _check_signer(sigstore, payload, trust, where)
    expected = _read_statement(payload, where)
    _compare(expected, _digests(files), where)
    return SignatureStatus("trusted" if key else "untrusted", key.name if key else None, hint)


def _forbid_revoked(what: str, digest: str, trust: TrustStore, where: str) -> None:
    reason = trust.revoked.get(digest)
    if reason is not None:
        raise BundleRevokedError(
            f"{where}: {what} {digest[:16]}… was revoked: {reason or 'no reason given'}; install another bundle"
        )


def _check_signer(sigstore: _SigstoreBundle, payload: bytes, trust: TrustStore, where: str) -> TrustedKey | None:
    envelope = sigstore.dsse_envelope
    if sigstore.media_type != _BUNDLE_TYPE or envelope.payload_type != _PAYLOAD_TYPE or len(envelope.signatures) != 1:
        raise BundleSignatureError(
            f"{where}: {SIGNATURE} is {sigstore.media_type} over {envelope.payload_type} with "
            f"{len(envelope.signatures)} signatures; {_BUNDLE_TYPE} over {_PAYLOAD_TYPE} with one is what can be read"
        )
    hint = sigstore.verification_material.public_key.hint
    key = trust.find(hint)
    if key is None:
        if trust.accept == "trusted":
            known = ", ".join(known.name for known in trust.keys) or "none"
            raise BundleSignatureError(
                f"{where}: signed by key {hint[:16]}…, which is not trusted here (trusted: {known}); add its public "
                "PEM to the trusted keys if you know whose it is"
            )
        return None
    try:
        key.public_key.verify(
            _from_base64(envelope.signatures[0].sig, where),
            _pre_authentication_encoding(payload),
            ec.ECDSA(hashes.SHA256()),
        )
    except InvalidSignature as error:
        raise BundleSignatureError(
            f"{where}: the signature is not one of key {key.name}, which it names; do not use this bundle"
        ) from error
    return key


def _read_statement(payload: bytes, where: str) -> dict[str, str]:
    statement = _decode(payload, _Statement, where)
    if (statement.type, statement.predicate_type) != (_STATEMENT_TYPE, _PREDICATE_TYPE):
        raise BundleSignatureError(
            f"{where}: {SIGNATURE} holds {statement.type} with {statement.predicate_type}; "
            f"{_STATEMENT_TYPE} with {_PREDICATE_TYPE} is what can be read"
        )
    method = statement.predicate.serialization.get("method")
    if method != "files":
        raise BundleSignatureError(f"{where}: {SIGNATURE} hashes by {method!r}; only 'files' can be read, sign again")
    expected: dict[str, str] = {}
    for resource in statement.predicate.resources:
        if resource.algorithm != "sha256" or resource.name in expected:
            raise BundleSignatureError(f"{where}: {SIGNATURE} lists {resource.name} twice or not by sha256; sign again")
        expected[resource.name] = resource.digest
    return expected


def _compare(expected: Mapping[str, str], found: Mapping[str, str], where: str) -> None:
    # The statement may name paths its maker ignored (".git"); none is ignored here, for a file that nobody vouches
    # for has no business in a bundle.
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            raise BundleIntegrityError(f"{where}: {name} is missing, though it was signed; fetch the bundle again")
        if name not in expected:
            raise BundleIntegrityError(f"{where}: {name} was added after signing; fetch the bundle again")
        if expected[name] != found[name]:
            raise BundleIntegrityError(f"{where}: {name} differs from what was signed; fetch the bundle again")


def _statement(name: str, digests: Mapping[str, str]) -> dict[str, Any]:
    return {
        "_type": _STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": _root_digest(digests)}}],
        "predicateType": _PREDICATE_TYPE,
        "predicate": {
            "serialization": {
                "method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": [SIGNATURE],
            },
            "resources": [
                {"algorithm": "sha256", "digest": digest, "name": name} for name, digest in digests.items()
            ],
        },
    }  # fmt: skip


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(files[name]).hexdigest() for name in sorted(files) if name != SIGNATURE}


def _root_digest(digests: Mapping[str, str]) -> str:
    return hashlib.sha256(b"".join(bytes.fromhex(digests[name]) for name in sorted(digests))).hexdigest()


def _pre_authentication_encoding(payload: bytes) -> bytes:
    return b"DSSEv1 %d %b %d %b" % (len(_PAYLOAD_TYPE), _PAYLOAD_TYPE.encode(), len(payload), payload)


def _decode(text: bytes, type_: type[_Decoded], where: str) -> _Decoded:
    try:
        return msgspec.json.decode(text, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BundleSignatureError(f"{where}: {SIGNATURE} is malformed: {error}; sign the bundle again") from error


def _from_base64(text: str, where: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BundleSignatureError(f"{where}: {SIGNATURE} is malformed: {error}; sign the bundle again") from error
