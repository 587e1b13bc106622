"""What submissions need of an account, checked before: against the template's own stack in moto."""

import pytest

from hstdputils.core.config import Config
from hstdputils.core.findings import Status
from hstdputils.engines.aws_batch.definitions import check_image
from hstdputils.engines.aws_batch.engine import AwsBatch
from hstdputils.engines.aws_batch.roles import check_boundary, check_role
from hstdputils.records.batch import Batch
from hstdputils.store.registry import open_store
from tests.stand_ins.aws.account import IMAGE

pytestmark = pytest.mark.engine("CloudFormation (moto)")

REGISTRY = IMAGE.partition("@")[0]
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.docker.distribution.manifest.v2+json"}'


@pytest.fixture(autouse=True)
def _account(account, monkeypatch):
    for name, value in account.variables.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def image(account):
    """Put an image into ECR, and return it by its digest."""
    client = account.client("ecr")
    client.create_repository(repositoryName="calcloud")
    put = client.put_image(repositoryName="calcloud", imageManifest=MANIFEST, imageTag="1.0")
    yield f"{REGISTRY}@{put['image']['imageId']['imageDigest']}"
    client.delete_repository(repositoryName="calcloud", force=True)


def test_images(image):
    assert check_image(image).status is Status.OK
    assert check_image(f"{REGISTRY}:1.0").text == f"{REGISTRY}:1.0 is in ECR"
    for missing in (IMAGE, f"{REGISTRY}:2.0", REGISTRY, IMAGE.replace("/calcloud@", "/others@")):
        found = check_image(missing)
        assert (found.status, found.text) == (
            Status.FAIL,
            f"{missing} is not in ECR: push it, or name another with --image",
        )
    assert check_image("registry.org/calcloud:1").text == "registry.org/calcloud:1; its registry is not asked"


def test_roles(account, stack):
    role = account.client("iam").get_role(RoleName=stack["JobRole"])["Role"]["Arn"]
    assert check_role(role).status is Status.OK
    missing = check_role(f"{role}x")
    assert missing.status is Status.FAIL
    assert missing.text == f"the role {role}x of the job definition is not there: deploy the template again"
    others = check_role("arn:aws:iam::123456789012:role/batch")
    assert others.text.endswith("let ecs-tasks.amazonaws.com assume it, in its trust policy")
    assert check_boundary(stack["JobPolicy"]).status is Status.OK
    assert check_boundary(f"{stack['JobPolicy']}x").status is Status.FAIL
    assert "is not the ARN of a policy" in check_boundary("yes").text


def test_roles_that_may_not_be_looked_at(account, stack):
    role = account.client("iam").get_role(RoleName=stack["JobRole"])["Role"]["Arn"]
    account.client("iam").create_user(UserName="nobody")
    key = account.client("iam").create_access_key(UserName="nobody")["AccessKey"]
    with pytest.MonkeyPatch.context() as patch, account.enforced():
        patch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
        found = check_role(role)
    assert found.status is Status.WARN
    assert found.text.startswith(f"IAM does not say whether the role {role} is there: ")


def test_the_stack_of_the_template(stack, image):
    store = f"s3://{stack['Bucket']}"
    config = Config(ids=["x.ids"], batch="checked", store=store, engine="aws-batch", image=image)
    findings = AwsBatch(Batch(open_store(store), "checked"), AwsBatch.settings_of_config(config)).check()
    assert [(finding.subject, finding.status) for finding in findings] == [
        ("queue", Status.OK),
        ("job definition", Status.OK),
        ("image", Status.OK),
        ("role", Status.OK),
        ("role", Status.OK),
    ]
