"""TLS settings of clients: the certificate authorities (CAs) that they trust."""

import ssl

import certifi


def tls_context(private_ca: str = "") -> ssl.SSLContext:
    """Return the TLS settings of a client that trusts the public CAs and a private one.

    The private CA is trusted in addition to the public ones: one setting serves the feed and the
    sandbox, and one of them may have a public certificate. This is safe, because a public CA
    issues no certificates for private names or addresses.

    Args:
        private_ca: certificates as PEM, "" for none.

    Raises:
        ssl.SSLError, TypeError, ValueError: `private_ca` is not PEM with a certificate.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if private_ca:
        context.load_verify_locations(cadata=private_ca)
        # Python 3.13 requires CAs to follow RFC 5280 strictly, which CAs made by hand with openssl
        # often do not. Signature, host name and dates are still checked.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        # The PEM may contain only the issuing CA or the server's own certificate, not the root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
