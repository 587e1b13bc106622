"""Requests that policies are held against, as pairs of an action and a resource."""

BATCH, IAM = "arn:aws:batch:us-east-1:123456789012", "arn:aws:iam::123456789012"
SUBMITTING = [
    ("batch:SubmitJob", f"{BATCH}:job-queue/hstdp"),
    ("batch:SubmitJob", f"{BATCH}:job-queue/hstdp-ondemand"),
    ("batch:SubmitJob", f"{BATCH}:job-definition/hstdp-b:3"),
    ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/hstdp-b"),
    ("batch:TagResource", f"{BATCH}:job-definition/hstdp-b:3"),
    ("batch:TagResource", f"{BATCH}:job/0f1e"),
    ("batch:DescribeJobQueues", "*"),
    ("batch:DescribeJobDefinitions", "*"),
    ("batch:ListJobs", "*"),
    ("batch:DescribeJobs", "*"),
    ("iam:PassRole", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
]
MAKING_ROLES = [
    (f"iam:{action}", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567")
    for action in ("CreateRole", "PutRolePolicy", "GetRole", "TagRole")
]
LOOKING = [item for item in SUBMITTING if item[0].startswith(("batch:Describe", "batch:List"))]
CANCELLING = [("batch:TerminateJob", f"{BATCH}:job/0f1e"), ("batch:CancelJob", f"{BATCH}:job/0f1e")]
CAPTURING = [("batch:DescribeComputeEnvironments", "*"), ("ec2:DescribeLaunchTemplateVersions", "*")]
CHECKING = [
    ("batch:DescribeComputeEnvironments", "*"),
    ("ecr:DescribeImages", "arn:aws:ecr:us-east-1:123456789012:repository/calcloud"),
    ("iam:GetRole", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
]
WATCHING = [("batch:GetJobQueueSnapshot", f"{BATCH}:job-queue/{name}") for name in ("hstdp", "hstdp-ondemand")]
NOBODY = [
    ("batch:GetJobQueueSnapshot", f"{BATCH}:job-queue/others"),
    ("iam:GetRole", f"{IAM}:role/admin"),
    ("batch:SubmitJob", f"{BATCH}:job-queue/others"),
    ("batch:SubmitJob", f"{BATCH}:job-definition/others:1"),
    ("batch:RegisterJobDefinition", f"{BATCH}:job-definition/others"),
    ("batch:DeleteJobQueue", f"{BATCH}:job-queue/hstdp"),
    ("batch:UpdateComputeEnvironment", f"{BATCH}:compute-environment/hstdp-spot"),
    ("iam:PassRole", f"{IAM}:role/admin"),
    ("iam:CreateRole", f"{IAM}:role/admin"),
    ("iam:PutRolePolicy", f"{IAM}:role/calcloud-JobRole-1"),
    ("iam:DeleteRolePermissionsBoundary", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
    ("iam:CreatePolicyVersion", f"{IAM}:policy/calcloud/hstdp/calcloud-JobPolicy-1"),
    ("iam:AttachRolePolicy", f"{IAM}:role/calcloud/hstdp/hstdp-b-01234567"),
    ("s3:DeleteBucket", "*"),
    ("s3:DeleteObjectVersion", "arn:aws:s3:::calcloud-bucket/b/ldem01acq/x.fits"),
]
