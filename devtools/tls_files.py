"""Makes a private key and a self-signed certificate for TLS, for an installation without a trusted certificate."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAME = "localhost"
VALID_DAYS = 3650
"""Ten years. Clients do not trust the certificate in any case, so an earlier end would protect nobody."""


def new_key() -> str:
    """Returns a new private key (EC, P-256) as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return pem.decode()


def self_signed(key_pem: str) -> str:
    """Returns a certificate of `localhost` and 127.0.0.1 for this key, as PEM.

    key_pem: a private key of EC or RSA.
    Raises ValueError for anything else.
    """
    key = serialization.load_pem_private_key(key_pem.encode(), password=None)
    name, now = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)]), datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.DNSName(NAME), x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())  # type: ignore[arg-type]
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())  # type: ignore[arg-type]
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
