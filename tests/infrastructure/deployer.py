"""What a deployment does in the name of the deployer: actions on resources, by type of resource.

The resources and condition keys of an action are those of AWS's Service Authorization Reference.
The actions of a type are those of its CloudFormation schema; the test compares.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.infrastructure.support import Template

ACCOUNT, REGION, STACK = "123456789012", "eu-central-1", "ioc-reputation-prod"
# The end of a name that CloudFormation makes.
_SUFFIX = "1A2B3C4D5E6F"

_API = f"arn:aws:apigateway:{REGION}::"
_TAGS = f"{_API}/tags/arn%3Aaws%3Aapigateway%3A{REGION}%3A%3A%2Fa"
_LAMBDA = f"arn:aws:lambda:{REGION}:{ACCOUNT}"
_FUNCTION = f"{_LAMBDA}:function:{STACK}-AnyFunction-{_SUFFIX}"
_ROLE = f"arn:aws:iam::{ACCOUNT}:role/{STACK}-AnyRole-{_SUFFIX}"
_ARTIFACTS = "arn:aws:s3:::aws-sam-cli-managed-default-samclisourcebucket-1a2b3c"
_GATEWAY = "apigateway:GET apigateway:PATCH apigateway:PUT apigateway:DELETE"
_TAGGED = "{0}:ListTagsForResource {0}:TagResource {0}:UntagResource"


@dataclass(frozen=True)
class Need:
    """One action on one resource, as IAM judges it.

    Attributes:
        context: values of the condition keys that the request has.
    """

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class _Row:
    """Actions, with spaces between them, on a resource; `{name}` is the resource's own name."""

    resource: str
    actions: str
    context: Mapping[str, str] = field(default_factory=dict)

    def needs(self, name: str = "") -> Iterator[Need]:
        for action in self.actions.split():
            yield Need(action, self.resource.replace("{name}", name), self.context)


def _passed_to(service: str) -> _Row:
    return _Row(_ROLE, "iam:PassRole", {"iam:PassedToService": f"{service}.amazonaws.com"})


def _regional(service: str, rest: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{rest}"


_OF_TYPE: dict[str, list[_Row]] = {
    "AWS::ApiGateway::RestApi": [
        _Row(f"{_API}/restapis", "apigateway:POST"),
        _Row(f"{_API}/restapis/a1b2c3", _GATEWAY),
        _Row(_TAGS, "apigateway:PUT apigateway:DELETE"),
    ],
    "AWS::ApiGateway::Deployment": [
        _Row(f"{_API}/restapis/a1b2c3/deployments", "apigateway:POST"),
        _Row(f"{_API}/restapis/a1b2c3/deployments/d4e5f6", _GATEWAY),
    ],
    "AWS::ApiGateway::Stage": [
        _Row(f"{_API}/restapis/a1b2c3/stages", "apigateway:POST"),
        _Row(f"{_API}/restapis/a1b2c3/stages/live", _GATEWAY),
        _Row(_TAGS, "apigateway:PUT apigateway:DELETE"),
    ],
    "AWS::ApiGatewayV2::DomainName": [
        _Row(f"{_API}/domainnames", "apigateway:POST apigateway:AddCertificateToDomain"),
        _Row(
            f"{_API}/domainnames/reputation.example.com",
            f"{_GATEWAY} apigateway:AddCertificateToDomain apigateway:RemoveCertificateFromDomain",
        ),
        _Row(_TAGS, "apigateway:PUT apigateway:DELETE"),
        # An account's first domain name makes the role by which API Gateway reads certificates.
        _Row(
            f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ops.apigateway.amazonaws.com"
            "/AWSServiceRoleForAPIGateway",
            "iam:CreateServiceLinkedRole",
            {"iam:AWSServiceName": "ops.apigateway.amazonaws.com"},
        ),
    ],
    "AWS::ApiGatewayV2::ApiMapping": [
        _Row(f"{_API}/domainnames/reputation.example.com/apimappings", "apigateway:POST"),
        _Row(f"{_API}/domainnames/reputation.example.com/apimappings/g7h8i9", _GATEWAY),
    ],
    "AWS::CloudWatch::Alarm": [
        _Row(
            _regional("cloudwatch", "alarm:{name}"),
            "cloudwatch:PutMetricAlarm cloudwatch:DeleteAlarms cloudwatch:DescribeAlarms "
            + _TAGGED.format("cloudwatch"),
        )
    ],
    "AWS::CloudWatch::Dashboard": [
        _Row(
            f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/{{name}}",
            "cloudwatch:PutDashboard cloudwatch:GetDashboard cloudwatch:DeleteDashboards "
            + _TAGGED.format("cloudwatch"),
        )
    ],
    "AWS::CodeDeploy::Application": [
        _Row(
            _regional("codedeploy", "application:{name}"),
            "codedeploy:CreateApplication codedeploy:GetApplication codedeploy:DeleteApplication "
            + _TAGGED.format("codedeploy"),
        )
    ],
    "AWS::CodeDeploy::DeploymentGroup": [
        _Row(
            _regional("codedeploy", f"deploymentgroup:{STACK}-Application-{_SUFFIX}/{{name}}"),
            "codedeploy:CreateDeploymentGroup codedeploy:GetDeploymentGroup"
            " codedeploy:UpdateDeploymentGroup codedeploy:DeleteDeploymentGroup"
            " codedeploy:CreateDeployment codedeploy:GetDeployment codedeploy:ListDeployments"
            " codedeploy:StopDeployment " + _TAGGED.format("codedeploy"),
        ),
        _Row(
            _regional("codedeploy", f"application:{STACK}-Application-{_SUFFIX}"),
            "codedeploy:GetApplicationRevision codedeploy:RegisterApplicationRevision",
        ),
        _Row(
            _regional("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaCanary10Percent"),
            "codedeploy:GetDeploymentConfig",
        ),
        _passed_to("codedeploy"),
    ],
    "AWS::DynamoDB::Table": [
        _Row(
            _regional("dynamodb", "table/{name}"),
            "dynamodb:CreateTable dynamodb:DescribeTable dynamodb:UpdateTable dynamodb:DeleteTable"
            " dynamodb:DescribeContinuousBackups dynamodb:UpdateContinuousBackups"
            " dynamodb:DescribeTimeToLive dynamodb:UpdateTimeToLive"
            " dynamodb:DescribeContributorInsights dynamodb:ListTagsOfResource"
            " dynamodb:TagResource dynamodb:UntagResource",
        ),
        _Row(
            _regional("kms", "key/1a2b3c"),
            "kms:CreateGrant kms:Decrypt kms:DescribeKey kms:Encrypt kms:ListAliases"
            " kms:RevokeGrant",
            {"kms:ViaService": f"dynamodb.{REGION}.amazonaws.com"},
        ),
    ],
    "AWS::Events::EventBus": [
        _Row(
            _regional("events", "event-bus/{name}"),
            "events:CreateEventBus events:DescribeEventBus events:UpdateEventBus"
            " events:DeleteEventBus " + _TAGGED.format("events"),
        )
    ],
    "AWS::Events::Rule": [
        _Row(
            _regional("events", f"rule/{STACK}-changes/{{name}}"),
            "events:PutRule events:DescribeRule events:DeleteRule events:PutTargets"
            " events:ListTargetsByRule events:RemoveTargets " + _TAGGED.format("events"),
        )
    ],
    "AWS::IAM::Policy": [
        _Row(_ROLE, "iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy"),
    ],
    "AWS::IAM::Role": [
        _Row(
            f"arn:aws:iam::{ACCOUNT}:role/{{name}}",
            "iam:CreateRole iam:GetRole iam:UpdateRole iam:UpdateRoleDescription iam:DeleteRole"
            " iam:UpdateAssumeRolePolicy iam:PutRolePolicy iam:GetRolePolicy iam:DeleteRolePolicy"
            " iam:ListRolePolicies iam:ListAttachedRolePolicies iam:TagRole iam:UntagRole",
        )
    ],
    "AWS::Lambda::Alias": [
        _Row(_FUNCTION, "lambda:CreateAlias lambda:GetAlias lambda:UpdateAlias lambda:DeleteAlias"),
        _Row(
            _regional("codedeploy", f"deploymentgroup:{STACK}-Application-{_SUFFIX}/{STACK}-Group"),
            "codedeploy:CreateDeployment codedeploy:GetDeployment codedeploy:GetDeploymentGroup"
            " codedeploy:StopDeployment",
        ),
        _Row(
            _regional("codedeploy", "deploymentconfig:CodeDeployDefault.LambdaCanary10Percent"),
            "codedeploy:GetDeploymentConfig",
        ),
    ],
    "AWS::Lambda::EventInvokeConfig": [
        _Row(
            _FUNCTION,
            "lambda:PutFunctionEventInvokeConfig lambda:GetFunctionEventInvokeConfig"
            " lambda:UpdateFunctionEventInvokeConfig lambda:DeleteFunctionEventInvokeConfig",
        )
    ],
    "AWS::Lambda::EventSourceMapping": [
        _Row(
            f"{_LAMBDA}:event-source-mapping:1a2b3c",
            "lambda:CreateEventSourceMapping lambda:GetEventSourceMapping"
            " lambda:UpdateEventSourceMapping lambda:DeleteEventSourceMapping",
            {"lambda:FunctionArn": _FUNCTION},
        ),
        # CloudFormation tags what it makes; these actions know no function.
        _Row(
            f"{_LAMBDA}:event-source-mapping:1a2b3c",
            "lambda:ListTags lambda:TagResource lambda:UntagResource",
        ),
    ],
    "AWS::Lambda::Function": [
        _Row(
            f"{_LAMBDA}:function:{{name}}",
            "lambda:CreateFunction lambda:GetFunction lambda:UpdateFunctionCode"
            " lambda:UpdateFunctionConfiguration lambda:DeleteFunction lambda:PublishVersion"
            " lambda:PutFunctionConcurrency lambda:DeleteFunctionConcurrency"
            " lambda:GetFunctionCodeSigningConfig lambda:GetFunctionRecursionConfig"
            " lambda:GetFunctionScalingConfig lambda:GetRuntimeManagementConfig"
            " lambda:TagResource lambda:UntagResource",
        ),
        _Row(f"{_LAMBDA}:layer:{STACK}-shared:1", "lambda:GetLayerVersion"),
        _Row(f"{_ARTIFACTS}/1a2b3c", "s3:GetObject s3:GetObjectVersion"),
        _Row("*", "ec2:DescribeSecurityGroups ec2:DescribeSubnets ec2:DescribeVpcs"),
        _passed_to("lambda"),
    ],
    "AWS::Lambda::LayerVersion": [
        _Row(f"{_LAMBDA}:layer:{{name}}", "lambda:PublishLayerVersion"),
        _Row(f"{_LAMBDA}:layer:{{name}}:1", "lambda:GetLayerVersion lambda:DeleteLayerVersion"),
        _Row(f"{_ARTIFACTS}/1a2b3c", "s3:GetObject s3:GetObjectVersion"),
    ],
    "AWS::Lambda::Permission": [
        _Row(f"{_FUNCTION}:live", "lambda:AddPermission lambda:GetPolicy lambda:RemovePermission"),
    ],
    "AWS::Lambda::Url": [
        _Row(
            f"{_FUNCTION}:live",
            "lambda:CreateFunctionUrlConfig lambda:GetFunctionUrlConfig"
            " lambda:UpdateFunctionUrlConfig lambda:DeleteFunctionUrlConfig",
        ),
    ],
    "AWS::Lambda::Version": [
        _Row(
            f"{_FUNCTION}:1",
            "lambda:PublishVersion lambda:DeleteFunction lambda:GetFunctionConfiguration"
            " lambda:ListVersionsByFunction lambda:GetFunctionScalingConfig"
            " lambda:GetProvisionedConcurrencyConfig lambda:GetRuntimeManagementConfig",
        )
    ],
    "AWS::Logs::LogGroup": [
        _Row(
            _regional("logs", "log-group:{name}:*"),
            "logs:CreateLogGroup logs:DeleteLogGroup logs:PutRetentionPolicy"
            " logs:DeleteRetentionPolicy logs:GetDataProtectionPolicy"
            " logs:DescribeIndexPolicies",
        ),
        _Row(_regional("logs", "log-group:{name}"), _TAGGED.format("logs")),
        _Row("*", "logs:DescribeLogGroups"),
    ],
    "AWS::Route53::RecordSet": [
        _Row(
            "arn:aws:route53:::hostedzone/Z1A2B3",
            "route53:ChangeResourceRecordSets route53:GetHostedZone route53:ListResourceRecordSets",
        ),
        _Row("arn:aws:route53:::change/C1A2B3", "route53:GetChange"),
        _Row("*", "route53:ListHostedZones"),
    ],
    "AWS::S3::Bucket": [
        _Row(
            "arn:aws:s3:::{name}",
            "s3:CreateBucket s3:DeleteBucket s3:ListBucket s3:GetBucketAcl s3:GetBucketTagging"
            " s3:PutBucketTagging s3:GetEncryptionConfiguration s3:PutEncryptionConfiguration"
            " s3:GetLifecycleConfiguration s3:PutLifecycleConfiguration"
            " s3:GetBucketOwnershipControls s3:PutBucketOwnershipControls"
            " s3:GetBucketPublicAccessBlock s3:PutBucketPublicAccessBlock"
            " s3:GetAccelerateConfiguration s3:GetAnalyticsConfiguration s3:GetBucketAbac"
            " s3:GetBucketCORS s3:GetBucketLogging s3:GetBucketNotification"
            " s3:GetBucketObjectLockConfiguration s3:GetBucketVersioning s3:GetBucketWebsite"
            " s3:GetIntelligentTieringConfiguration s3:GetInventoryConfiguration"
            " s3:GetMetricsConfiguration s3:GetReplicationConfiguration",
        )
    ],
    "AWS::S3::BucketPolicy": [
        _Row(
            f"arn:aws:s3:::{STACK}-bucket-1a2b3c",
            "s3:PutBucketPolicy s3:GetBucketPolicy s3:DeleteBucketPolicy",
        )
    ],
    "AWS::SQS::Queue": [
        _Row(
            _regional("sqs", "{name}"),
            "sqs:CreateQueue sqs:GetQueueAttributes sqs:GetQueueUrl sqs:SetQueueAttributes"
            " sqs:DeleteQueue sqs:ListQueueTags sqs:TagQueue sqs:UntagQueue",
        )
    ],
    "AWS::SQS::QueuePolicy": [
        _Row(_regional("sqs", f"{STACK}-Queue-{_SUFFIX}"), "sqs:SetQueueAttributes"),
    ],
    "AWS::Scheduler::Schedule": [
        _Row(
            _regional("scheduler", "schedule/default/{name}"),
            "scheduler:CreateSchedule scheduler:GetSchedule scheduler:UpdateSchedule"
            " scheduler:DeleteSchedule",
        ),
        _passed_to("scheduler"),
    ],
}

# Actions of a type's schema that this template has no use for, by what they would be for.
NOT_USED: dict[str, str] = {
    "AWS::ApiGateway::RestApi": "apigateway:UpdateRestApiPolicy iam:PassRole s3:GetObject",
    "AWS::ApiGatewayV2::DomainName": "s3:GetObject s3:GetObjectVersion",  # trust stores
    "AWS::CodeDeploy::DeploymentGroup": "codedeploy:RegisterOnPremisesInstance",
    # Replicas, imports, streams to Kinesis, insights, and policies of the table's own.
    "AWS::DynamoDB::Table": "dynamodb:*Import* dynamodb:*KinesisStreamingDestination"
    " dynamodb:*ResourcePolicy dynamodb:*TableReplica dynamodb:UpdateContributorInsights"
    " dynamodb:*Item dynamodb:Query dynamodb:Scan"
    " iam:CreateServiceLinkedRole kinesis:* logs:* s3:*",
    # A bus that others put events on, or with a key; targets with a role.
    "AWS::Events::EventBus": "events:*Permission kms:*",
    "AWS::Events::Rule": "iam:PassRole",
    "AWS::IAM::Policy": "iam:*GroupPolicy iam:*UserPolicy",
    "AWS::IAM::Role": "iam:*PermissionsBoundary iam:AttachRolePolicy iam:DetachRolePolicy",
    "AWS::Lambda::Alias": "lambda:*ProvisionedConcurrency*",
    "AWS::Lambda::EventSourceMapping": "kms:*",
    # File systems, keys, signatures, pinned runtimes; interfaces are the function's role's.
    "AWS::Lambda::Function": "ec2:DescribeNetworkInterfaces elasticfilesystem:* kms:* s3files:*"
    " lambda:*CapacityProvider lambda:GetCodeSigningConfig lambda:PutFunctionCodeSigningConfig"
    " lambda:DeleteFunctionCodeSigningConfig lambda:AssociateRuntimeAlias"
    " lambda:PutFunctionRecursionConfig lambda:PutFunctionScalingConfig"
    " lambda:PutRuntimeManagementConfig",
    "AWS::Lambda::Version": "lambda:PutFunctionScalingConfig lambda:PutRuntimeManagementConfig"
    " lambda:PutProvisionedConcurrencyConfig",
    # Deliveries, data protection, indexes, tokens, keys.
    "AWS::Logs::LogGroup": "firehose:* s3:* logs:*KmsKey logs:*ResourcePolic*"
    " logs:CreateLogDelivery logs:PutBearerTokenAuthentication"
    " logs:PutLogGroupDeletionProtection logs:PutDataProtectionPolicy"
    " logs:DeleteDataProtectionPolicy logs:PutIndexPolicy logs:DeleteIndexPolicy",
    # Features that the buckets do not use. They are not emptied.
    "AWS::S3::Bucket": "iam:PassRole s3tables:* s3:*Metadata* s3:*agResource"
    " s3:ListTagsForResource s3:DeleteObject s3:DeleteBucket?* s3:PutObjectAcl"
    " s3:Put*Configuration s3:PutBucketA* s3:PutBucketCORS s3:PutBucketLogging"
    " s3:PutBucketNotification s3:PutBucketReplication s3:PutBucketVersioning"
    " s3:PutBucketWebsite",
}

_SAM_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/aws-sam-cli-managed-default/1a2b"
_OWN_STACK = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/1a2b"
_CHANGES = (
    "cloudformation:CreateChangeSet cloudformation:DescribeChangeSet"
    " cloudformation:ExecuteChangeSet cloudformation:DescribeStacks"
    " cloudformation:DescribeStackEvents cloudformation:GetTemplate"
)
_TABLE = _regional("dynamodb", f"table/{STACK}-IocTable-{_SUFFIX}")
# What the SAM CLI does, and what the other steps of docs/deploy.md, README and runbook do.
_STEPS: list[_Row] = [
    _Row(_SAM_STACK, _CHANGES),
    _Row(
        _OWN_STACK,
        f"{_CHANGES} cloudformation:DeleteStack cloudformation:ListChangeSets"
        " cloudformation:ListStackResources cloudformation:DeleteChangeSet",
    ),
    _Row(
        f"arn:aws:cloudformation:{REGION}:aws:transform/Serverless-2016-10-31",
        "cloudformation:CreateChangeSet",
    ),
    _Row("*", "cloudformation:GetTemplateSummary cloudformation:ValidateTemplate"),
    # The bucket of artifacts, made once, filled by deploy and emptied by delete.
    _Row(
        _ARTIFACTS,
        "s3:CreateBucket s3:ListBucket s3:GetBucketLocation s3:GetBucketVersioning"
        " s3:PutBucketVersioning s3:PutBucketTagging s3:GetBucketPolicy s3:PutBucketPolicy"
        " s3:PutEncryptionConfiguration s3:PutBucketPublicAccessBlock",
    ),
    _Row(f"{_ARTIFACTS}/1a2b3c", "s3:GetObject s3:PutObject s3:DeleteObject"),
    _Row(_FUNCTION, "lambda:InvokeFunction lambda:ListVersionsByFunction"),
    _Row(
        _TABLE,
        "dynamodb:Scan dynamodb:Query dynamodb:GetItem dynamodb:PutItem dynamodb:UpdateItem"
        " dynamodb:DeleteItem dynamodb:BatchWriteItem dynamodb:RestoreTableToPointInTime",
    ),
    _Row(_regional("sns", "ioc-reputation-alarms"), "sns:CreateTopic sns:Subscribe"),
    _Row(_regional("ssm", "parameter/ioc-reputation/feed-api-key"), "ssm:PutParameter"),
]


def needs_of_type(template: Template) -> Iterator[tuple[str, Need]]:
    """What creating, changing and deleting each resource of an expanded template takes.

    Raises:
        KeyError: a type of resource is not in the table.
    """
    for logical_id, resource in template["Resources"].items():
        kind, properties = resource["Type"], resource.get("Properties", {})
        name = _name(logical_id, kind, properties)
        for row in _OF_TYPE[kind]:
            for need in row.needs(name):
                yield kind, need
        for managed in properties.get("ManagedPolicyArns", []):
            arn = managed["Fn::Sub"] if isinstance(managed, dict) else managed
            context = {"iam:PolicyARN": arn.replace("${AWS::Partition}", "aws")}
            for action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
                yield kind, Need(action, f"arn:aws:iam::{ACCOUNT}:role/{name}", context)


def needs_of_steps() -> Iterator[Need]:
    """Permissions of the SAM CLI and of the documented steps that do not use CloudFormation."""
    for row in _STEPS:
        yield from row.needs()


def _name(logical_id: str, kind: str, properties: Mapping[str, Any]) -> str:
    own = {"AWS::Lambda::LayerVersion": "LayerName", "AWS::Events::EventBus": "Name"}.get(kind)
    given = properties.get(own) if own else None
    if isinstance(given, dict):
        return str(given["Fn::Sub"].replace("${AWS::StackName}", STACK))
    if given:
        return str(given)
    made = f"{STACK}-{logical_id}-{_SUFFIX}"
    return made.lower() if kind == "AWS::S3::Bucket" else made
