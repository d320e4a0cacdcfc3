"""TLS to a feed: which certificate authorities (CAs) a client trusts."""

import ssl

import certifi


def tls_context(private_ca: str = "") -> ssl.SSLContext:
    """Return the TLS settings of a client that trusts the public CAs and a private one.

    The private CA joins the public ones and does not replace them: one setting serves the feed and
    the sandbox, and one of the two may have a public certificate. A public CA issues no
    certificate for a private name or address, so it cannot vouch for a false private host.

    Args:
        private_ca: certificates as PEM, "" for none.

    Raises:
        ssl.SSLError, TypeError, ValueError: `private_ca` is not PEM with a certificate.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    if private_ca:
        context.load_verify_locations(cadata=private_ca)
        # Since Python 3.13 a CA has to follow RFC 5280 to the letter, and one that was made by
        # hand with openssl often does not. Signature, host name and dates are checked as ever.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        # The PEM may hold the issuing CA, or the server's own certificate, without the root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
