"""One device's enrolment: each step may be cut and is then done again with the same key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from edge_agent.enrolment.errors import EnrolmentError
from edge_agent.enrolment.message import EnrolAnswer, EnrolRequest
from models.errors import BundleSignatureError
from models.signing_key import load_private_key
from models.whole_file import write_whole

Send = Callable[[EnrolRequest], EnrolAnswer]
"""Asks the site; raises ``SiteUnreachableError``, and ``EnrolmentError`` for an answer that is none."""


@dataclass(frozen=True, slots=True)
class Papers:
    """Where a device's token, key and certificate lie."""

    token: Path
    key: Path
    certificate: Path


def enrol(device: str, papers: Papers, send: Send) -> None:
    """Make a key if there is none, have it vouched for, keep the certificate, and forget the token.

    Raises ``EnrolmentError`` when the site refuses, answers with another's certificate, or a file cannot be read or
    written; and as ``send`` does.
    """
    try:
        token = papers.token.read_text(encoding="ascii").strip()
        key = _own_key(papers.key)
        request = EnrolRequest(device=device, token=token, request=_request(device, key))
        answer = send(request)
        if answer.certificate is None:
            raise EnrolmentError(f"the site refused {device}: {answer.error}")
        _require_ours(answer.certificate, key)
        # The unit's mask lets nobody else read, and the agent's user has to read the certificate.
        write_whole(papers.certificate, answer.certificate.encode(), 0o644)
        papers.token.unlink()
    except OSError as error:
        raise EnrolmentError(
            f"{error.filename}: {error.strerror}; enrolling needs root, and the kit's files"
        ) from error


def _own_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if path.exists():
        try:
            return load_private_key(path)
        except BundleSignatureError as error:
            raise EnrolmentError(f"{error}; remove it to have another made") from error
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    write_whole(path, pem, 0o600)
    return key


def _request(device: str, key: ec.EllipticCurvePrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, device)])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    return request.public_bytes(serialization.Encoding.PEM).decode()


def _require_ours(certificate: str, key: ec.EllipticCurvePrivateKey) -> None:
    try:
        vouched = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError as error:
        raise EnrolmentError(f"the site's answer is no certificate: {error}") from error
    if vouched != key.public_key():
        raise EnrolmentError("the site answered with the certificate of another key")
