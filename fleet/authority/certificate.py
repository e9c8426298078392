"""The certificates of a site, as X.509: its authority, its devices, its broker, and the list of those withdrawn.

Nothing here reads a clock or a disk: times are UTC and passed in.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE = timedelta(days=25 * 365)
# Nobody goes back to a device only to renew it, and a device that is lost is withdrawn by the list, not by waiting.
DEVICE_LIFE = timedelta(days=10 * 365)
# A broker is where people are, and longer is refused by clients of Apple's systems.
BROKER_LIFE = timedelta(days=825)
# Clocks of boards and workstations are not the same.
_SKEW = timedelta(days=1)


def _usage(*, vouches: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not vouches,
        key_cert_sign=vouches,
        crl_sign=vouches,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def issue_authority(site: str, key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    """The certificate of a site's authority, signed by itself."""
    name = _name(f"{site} authority", site)
    builder = _begin(name, name, key.public_key(), now, now + AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    return builder.add_extension(_usage(vouches=True), critical=True).sign(key, hashes.SHA256())


def issue_device(
    device: str,
    public_key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    """A device's certificate, good for naming itself to a broker: ``device`` is its common name."""
    builder = _begin_for(device, public_key, authority, now, DEVICE_LIFE)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=False)
    return builder.sign(key, hashes.SHA256())


def issue_broker(
    hosts: Sequence[str],
    public_key: ec.EllipticCurvePublicKey,
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    """The certificate of a broker that is reached by any of ``hosts``, names or IP addresses, at least one."""
    builder = _begin_for(hosts[0][:64], public_key, authority, now, BROKER_LIFE)
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    builder = builder.add_extension(names, critical=False)
    builder = builder.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
    return builder.sign(key, hashes.SHA256())


def list_revoked(
    revoked: Mapping[int, datetime],
    authority: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.CertificateRevocationList:
    """The list of serial numbers that were withdrawn, and when.

    It is good for as long as the authority: a broker refuses everybody once its list has run out, and nobody issues a
    new one by the calendar.
    """
    builder = x509.CertificateRevocationListBuilder().issuer_name(authority.subject)
    builder = builder.last_update(now - _SKEW).next_update(authority.not_valid_after_utc)
    for serial, when in sorted(revoked.items()):
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, hashes.SHA256())


def common_name(certificate: x509.Certificate) -> str:
    """Whose certificate it is."""
    return str(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)


def _begin_for(
    who: str, public_key: ec.EllipticCurvePublicKey, authority: x509.Certificate, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    site = str(authority.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)[0].value)
    # What an authority signs is worth nothing once it has run out itself.
    end = min(now + life, authority.not_valid_after_utc)
    builder = _begin(_name(who, site), authority.subject, public_key, now, end)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    identifier = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
    return builder.add_extension(_usage(vouches=False), critical=True).add_extension(issuer, critical=False)


def _begin(
    subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey, now: datetime, end: datetime
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public_key)
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - _SKEW).not_valid_after(end)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)


def _name(who: str, site: str) -> x509.Name:
    return x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, site), x509.NameAttribute(NameOID.COMMON_NAME, who)]
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
