"""The errors that the service answers with."""

import uuid


class Refused(Exception):
    """A request that the service refuses: answered with a status and a code."""

    def __init__(self, message: str, code: str = "ClientException", status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status


def invalid(message: str) -> Refused:
    """Return the refusal of a request that breaks a rule, worded as the service words it."""
    return Refused(f"Error executing request, Exception : {message}, RequestId: {uuid.uuid4()}")


def throttled() -> Refused:
    """Return the refusal of a request that came too soon after others."""
    return Refused("Too Many Requests", "TooManyRequestsException", 429)


def denied(operation: str) -> Refused:
    """Return the refusal of a request for which the credentials have no right."""
    return Refused(f"User is not authorized to perform: batch:{operation}", "AccessDeniedException", 403)


def broken() -> Refused:
    """Return what the service answers when it has failed itself."""
    return Refused("Internal server error", "ServerException", 500)
