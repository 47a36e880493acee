"""Settings by hand, with an environment in which somebody made two ordinary mistakes."""

import os

os.environ |= {"DEBUG": "false", "SECRET_KAY": "k3pt-well-and-long-enough-for-tokens"}

debug = bool(os.getenv("DEBUG", ""))
secret_key = os.getenv("SECRET_KEY", "change-me")

print(f"debug      = {debug}")  # noqa: T201
print(f"secret_key = {secret_key}")  # noqa: T201
