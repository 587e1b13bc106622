"""The role of a batch, whose jobs may then write to no other batch.

The job definition that those of batches are made from says whether a site wants this: its tag `BOUNDARY` names the
policy that such roles cannot go beyond. Session tags of one role for all would not do, since a job would choose its
own.
"""

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from hstdputils.core.errors import ExitCode, UserError
from hstdputils.core.findings import Finding, fail, ok, warn
from hstdputils.core.text import one_line
from hstdputils.engines.aws_batch.client import client_config
from hstdputils.engines.aws_batch.submit import tags
from hstdputils.records.batch import Batch
from hstdputils.store.layout import MARKERS, NOT_DATASETS

BOUNDARY = "boundary"
"""The tag of a job definition with the ARN of the policy that is the boundary of the roles of batches."""


_POLICY = re.compile(r"arn:(?P<partition>[\w-]+):iam::(?P<account>\d{12}):policy(?P<path>/(?:[!-~]+/)?)[\w+=,.@-]+")


_NAME = "jobs-of-batch"


_TASKS = "ecs-tasks.amazonaws.com"
"""The service that takes roles for the containers of jobs."""


def role_of_batch(batch: Batch, boundary: str) -> str:
    """Return the ARN of a batch's role, which is made if it is not there; its name follows from store and batch.

    Parameters
    ----------
    batch
        What its jobs write to.
    boundary
        The ARN of the policy that it cannot go beyond; the role is made below the policy's path.

    Raises
    ------
    UserError
        The role cannot be made, or what has its name is not one of these.
    """
    match = _POLICY.fullmatch(boundary)
    if match is None:
        raise UserError(_no_policy(boundary))
    partition, account, path = match["partition"], match["account"], match["path"]
    digest = hashlib.sha256(batch.store.address(batch.prefix).encode()).hexdigest()
    name = f"hstdp-{batch.name[:48]}-{digest[:8]}"
    arn = f"arn:{partition}:iam::{account}:role{path}{name}"
    client = _iam_client()
    with _iam_errors(f"cannot make the role {name} of batch {batch.name!r}"):
        try:
            client.create_role(
                Path=path,
                RoleName=name,
                Description=f"What the jobs of the batch {batch.name} may do",
                AssumeRolePolicyDocument=json.dumps(_trust(account)),
                PermissionsBoundary=boundary,
                Tags=[{"Key": key, "Value": value} for key, value in tags(batch.name).items()],
            )
        except client.exceptions.EntityAlreadyExistsException:
            role = client.get_role(RoleName=name)["Role"]
            if role["Arn"] != arn or role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") != boundary:
                raise UserError(
                    f"the role {role['Arn']} is not that of a batch of this stack: remove it, or choose another "
                    "batch name"
                ) from None
        client.put_role_policy(
            RoleName=name, PolicyName=_NAME, PolicyDocument=json.dumps(policy_of_batch(batch, partition))
        )
    return arn


def policy_of_batch(batch: Batch, partition: str = "aws") -> dict[str, Any]:
    """Return what the jobs of a batch may do: read what the boundary lets them, and write datasets and markers."""
    place = batch.store.address(batch.prefix).removeprefix("s3://")
    # what stands for other characters in policies, and is allowed in keys
    home = f"arn:{partition}:s3:::" + re.sub(r"[*?$]", lambda found: f"${{{found[0]}}}", place)
    write = ["s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"]
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Read",
                "Effect": "Allow",
                "Action": ["s3:GetObject", "s3:ListBucket", "s3:ListBucketMultipartUploads"],
                "Resource": "*",
            },
            {
                "Sid": "SaveProductsAndMarkers",
                "Effect": "Allow",
                "Action": write,
                "Resource": f"{home}*/*",
            },
            {
                "Sid": "ChangeNothingElse",
                "Effect": "Deny",
                "Action": write,
                # a pattern's * stands for slashes too
                "Resource": [f"{home}{folder}/*" for folder in sorted(NOT_DATASETS - {MARKERS})],
            },
        ],
    }


def check_role(arn: str) -> Finding:
    """Check whether a role is there that jobs take; it is only looked at, and not taken."""
    name = arn.rpartition("/")[2]
    found = _looked_up("role", arn, lambda client: client.get_role(RoleName=name)["Role"])
    if isinstance(found, Finding):
        return found
    if _TASKS not in json.dumps(found.get("AssumeRolePolicyDocument", {})):
        text = f"jobs cannot take the role {arn}: let {_TASKS} assume it, in its trust policy"
        return fail("role", text, ExitCode.GENERAL)
    return ok("role", arn)


def check_boundary(arn: str) -> Finding:
    """Check whether the policy is there that is the boundary of the roles of batches."""
    if _POLICY.fullmatch(arn) is None:
        return fail("role", _no_policy(arn), ExitCode.GENERAL)
    found = _looked_up("policy", arn, lambda client: client.get_policy(PolicyArn=arn)["Policy"])
    return found if isinstance(found, Finding) else ok("role", f"submit makes one for the batch, within {arn}")


def _looked_up(what: str, arn: str, ask: Callable[[Any], dict[str, Any]]) -> dict[str, Any] | Finding:
    """Return what IAM says of a role or policy, or what is wrong with it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return ask(_iam_client(is_check=True))
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            text = f"the {what} {arn} of the job definition is not there: deploy the template again"
            return fail("role", text, ExitCode.GENERAL)
        return warn("role", f"IAM does not say whether the {what} {arn} is there: {one_line(error)}")
    except BotoCoreError as error:
        return warn("role", f"IAM does not say whether the {what} {arn} is there: {one_line(error)}")


def _no_policy(boundary: str) -> str:
    tag = f"the job definition's tag {BOUNDARY!r} is {boundary!r}"
    return f"{tag}, which is not the ARN of a policy: deploy the template again"


def _trust(account: str) -> dict[str, Any]:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": _TASKS},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _iam_client(*, is_check: bool = False) -> Any:
    import boto3

    return boto3.client("iam", config=client_config(is_check=True) if is_check else None)


@contextlib.contextmanager
def _iam_errors(doing: str) -> Iterator[None]:
    """Turn errors of boto3 into a `UserError` of one line."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        answer = error.response.get("Error", {})
        code = answer.get("Code", "")
        fix = {
            "AccessDenied": ": ask for the template's SubmitPolicy, or have it deployed with BatchRoles=no",
            "LimitExceeded": ": remove roles of batches that have ended, or deploy the template with BatchRoles=no",
        }.get(code, "")
        raise UserError(
            f"{doing}: IAM answered {code} ({one_line(answer.get('Message', ''))}){fix}", ExitCode.GENERAL
        ) from error
    except BotoCoreError as error:
        raise UserError(
            f"{doing}: {one_line(error)}: check the network and AWS_ENDPOINT_URL", ExitCode.GENERAL
        ) from error
