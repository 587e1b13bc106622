"""AWS credentials that cannot be used: what is wrong with them, and what to do, in one line."""

import os
from typing import Any

from hstdputils.core.errors import UserError
from hstdputils.core.text import one_line

_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}


_UNKNOWN = {"InvalidToken", "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}


_WRONG = {"SignatureDoesNotMatch", "InvalidSignatureException"}


def load_credentials() -> Any:
    """Have boto3 find credentials, and return its session.

    Raises
    ------
    BotoCoreError
        They cannot be found. What ``credential_process`` prints, or that there is no such program, ends in botocore
        in errors of other kinds, which look like other failures.
    """
    import boto3
    from botocore.exceptions import BotoCoreError, CredentialRetrievalError

    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()
    session = boto3.DEFAULT_SESSION
    assert session is not None
    try:
        session.get_credentials()
    except BotoCoreError:
        raise
    except (ValueError, KeyError, OSError) as error:
        raise CredentialRetrievalError(provider="custom-process", error_msg=one_line(error)) from error
    return session


def credentials_problem(error: BaseException) -> str:
    """Return what is wrong with the credentials and what to do; empty for an error of another kind."""
    from botocore import exceptions as of_botocore

    match error:
        case of_botocore.ClientError():
            return _refusal(str(error.response.get("Error", {}).get("Code", "")))
        case of_botocore.NoCredentialsError() | of_botocore.PartialCredentialsError():
            return "no AWS credentials: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        case of_botocore.ProfileNotFound():
            return f"{_file()} has no profile {profile()!r}: set AWS_PROFILE to one that is there, or unset it"
        case of_botocore.SSOError() | of_botocore.TokenRetrievalError():
            return f"nobody is logged in with the profile {profile()}: aws sso login --profile {profile()}"
        case of_botocore.LoginError():
            return f"nobody is logged in with the profile {profile()}: aws login --profile {profile()}"
        case of_botocore.CredentialRetrievalError():
            return _not_retrieved(error)
        case of_botocore.ConfigParseError():
            return f"{one_line(error)}: correct it"
        case of_botocore.InvalidConfigError() | of_botocore.RefreshWithMFAUnsupportedError():
            return f"{one_line(error)}: correct the profile {profile()} in {_file()}"
    return ""


def bad_address(error: ValueError, service: str) -> UserError:
    """Return the error for the invalid address of a service; of one with a password no part is shown."""
    text = one_line(error)
    why = "its port is not a number up to 65535" if text.startswith("Port ") else text
    return UserError(
        f"the address of {service} is not a valid URL ({why}): set AWS_ENDPOINT_URL like http://127.0.0.1:9000, "
        "or unset it"
    )


def profile() -> str:
    """Return the name of the profile that boto3 uses."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"


def _file() -> str:
    return os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config"


def _not_retrieved(error: Any) -> str:
    if error.kwargs.get("provider") == "custom-process":
        reason = one_line(error.kwargs.get("error_msg", "")) or "it failed without a message"
        return (
            f"the credential_process of the profile {profile()} gives no credentials ({reason}): fix it in {_file()}"
        )
    return f"{one_line(error)}: correct the profile {profile()} in {_file()}"


def _refusal(code: str) -> str:
    """Return what a code with which AWS refuses a request says of the credentials."""
    if code in _EXPIRED:
        return f"the AWS credentials have expired: {_renewal()}"
    if code in _UNKNOWN:
        return "AWS does not know the access key: check AWS_ACCESS_KEY_ID or the profile"
    if code in _WRONG:
        return "the secret key is wrong: check AWS_SECRET_ACCESS_KEY or the profile"
    return ""


def _renewal() -> str:
    """Return how credentials that have expired are renewed."""
    if os.environ.get("AWS_ACCESS_KEY_ID") and not os.environ.get("AWS_PROFILE"):
        return "set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN to new ones"
    return f"aws sso login --profile {profile()}, or what else gives new ones"
