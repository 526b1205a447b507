"""Verifies passwords with a different Argon2 implementation from the worker's.

Reads a JSON list of [password, PHC string] from standard input; exits with 1 and names the first that does not verify.
"""

import json
import sys

import argon2

verifier = argon2.PasswordHasher()
for password, phc in json.load(sys.stdin):
    try:
        verifier.verify(phc, password)
    except argon2.exceptions.VerificationError as error:
        sys.exit(f"{phc}: {error}")
