"""A user's settings: those that say where packages come from reach pip and uv.

All others, such as `user = yes` or PIP_TARGET, would put the packages elsewhere or
install other ones than the lock names.
"""

import ast
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

KEPT_BY_PIP = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("proxy", "cert", "client-cert", "keyring-provider"),
    *("timeout", "default-timeout", "retries", "cache-dir", "no-cache-dir"),
)
KEPT_BY_UV = (
    *("UV_DEFAULT_INDEX", "UV_INDEX", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"),
    *("UV_INSECURE_HOST", "UV_KEYRING_PROVIDER", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS"),
    *("UV_HTTP", "UV_OFFLINE", "UV_CACHE_DIR", "UV_LINK_MODE", "UV_CONCURRENT"),
)
SAME_FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_EXTRA_INDEX_URL",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "timeout": "UV_HTTP_TIMEOUT",
}
MISLEADING = ("PYTHON", "PIP_", "UV_", "CONDA_", "VIRTUAL_ENV", "__PYVENV_LAUNCHER__")


def plain(variables: Mapping[str, str]) -> dict[str, str]:
    """Variables without those that lead Python, pip or uv to another environment."""
    return {k: v for k, v in variables.items() if not k.startswith(MISLEADING)}


def pip_settings(python: Path) -> dict[str, str]:
    """What the user has set for pip, in files and variables, as far as it is kept.

    `user = yes` would make `pip config` look into the user's own file alone.
    """
    variables = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    variables |= {"PIP_USER": "0", "PIP_GLOBAL": "0", "PIP_SITE": "0"}
    listed = subprocess.run(
        [python, "-m", "pip", "config", "list"],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    return read_settings(listed.stdout)


def read_settings(listed: str) -> dict[str, str]:
    """The settings in the output of `pip config list`, by option.

    A variable (`:env:`) outweighs the file's part about install, and that its part for
    all commands (`global`).
    """
    found = {}
    for place in ("global", "install", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            section, _, option = name.rpartition(".")
            if section == place and option in KEPT_BY_PIP:
                found[option] = str(ast.literal_eval(value))
    return {option: value for option, value in found.items() if value}


def for_pip(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables under which pip is run: only the kept settings count."""
    named = {f"PIP_{k.upper().replace('-', '_')}": v for k, v in settings.items()}
    quiet = {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return plain(os.environ) | named | quiet


def for_uv(settings: Mapping[str, str]) -> dict[str, str]:
    """The variables under which uv is run: pip's settings in uv's words.

    uv's own variables outweigh them. With hashes, no index can bring in another file
    than the lock's, so that all indexes may be asked, as pip does.
    """
    given = {k: v for k, v in os.environ.items() if k.startswith(KEPT_BY_UV)}
    if "UV_INDEX_URL" in given:
        given.setdefault("UV_DEFAULT_INDEX", given["UV_INDEX_URL"])
    same = SAME_FOR_UV.items()
    translated = {name: settings[option] for option, name in same if option in settings}
    if "UV_FIND_LINKS" in translated:  # uv separates them by commas, pip by spaces
        translated["UV_FIND_LINKS"] = ",".join(translated["UV_FIND_LINKS"].split())
    strategy = {"UV_INDEX_STRATEGY": "unsafe-best-match"}
    return translated | plain(os.environ) | given | strategy


def means_yes(settings: Mapping[str, str], option: str) -> bool:
    """Whether a setting that is on or off is on."""
    return settings.get(option, "").lower() in {"1", "y", "yes", "t", "true", "on"}
