"""Signing in through an identity provider of a workspace's own (OIDC, SAML): docs/adr/0012.

`connections` are set up, `attempts` go there and come back, `oidc` and `saml` turn what comes back into an Assertion, and
`ending` decides what becomes of it. A session is opened by `accounts.sign_in.admit` alone.
"""
