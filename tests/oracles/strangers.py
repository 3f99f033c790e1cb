"""What the strangers have in common: their keys, where they are sent back, and what they ask for."""

from joserfc.jwk import ECKey, KeySet, RSAKey

BACK = "http://127.0.0.1:9/back"
"""Where the server sends the browser; nobody listens there, the address is read off the redirect."""
KEYS = KeySet(
    [
        RSAKey.generate_key(2048, {"kid": "rs", "alg": "RS384"}),
        ECKey.generate_key("P-384", {"kid": "es", "alg": "ES384"}),
    ]
)
SCOPE = "openid fhirUser launch offline_access patient/Patient.rs patient/Observation.rs"
