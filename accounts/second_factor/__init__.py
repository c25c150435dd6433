"""Second factors: codes from an app (TOTP), security keys (WebAuthn) and recovery codes.

The tables and the proofs are allauth.mfa's; the doors, the rules and the audit entries are ours (docs/adr).
"""
