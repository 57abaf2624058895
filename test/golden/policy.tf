data "aws_iam_policy_document" "sunup_web_1" {
  statement {
    sid    = "AnswerGroup"
    effect = "Allow"
    actions = [
      "autoscaling:CompleteLifecycleAction",
      "autoscaling:RecordLifecycleActionHeartbeat",
      "autoscaling:SetInstanceHealth",
    ]
    resources = [
      "arn:aws:autoscaling:eu-west-1:123456789012:autoScalingGroup:*:autoScalingGroupName/*",
    ]
  }

  statement {
    sid    = "ClaimAddress"
    effect = "Allow"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
    ]
    resources = [
      "arn:aws:dynamodb:eu-west-1:123456789012:table/sunup-registry",
    ]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "dynamodb:LeadingKeys"
      values = [
        "#address",
      ]
    }
  }

  statement {
    sid    = "DecryptSecrets"
    effect = "Allow"
    actions = [
      "kms:Decrypt",
    ]
    resources = [
      "arn:aws:kms:eu-west-1:123456789012:key/*",
    ]

    condition {
      test     = "StringLike"
      variable = "kms:EncryptionContext:PARAMETER_ARN"
      values = [
        "arn:aws:ssm:eu-west-1:123456789012:parameter/web/token",
      ]
    }
  }

  statement {
    sid    = "KeepHistory"
    effect = "Allow"
    actions = [
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = [
      "arn:aws:dynamodb:eu-west-1:123456789012:table/sunup-registry",
    ]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "dynamodb:LeadingKeys"
      values = [
        "#revision",
      ]
    }
  }

  statement {
    sid    = "KeepMember"
    effect = "Allow"
    actions = [
      "dynamodb:DeleteItem",
      "dynamodb:GetItem",
      "dynamodb:PutItem",
      "dynamodb:Query",
    ]
    resources = [
      "arn:aws:dynamodb:eu-west-1:123456789012:table/sunup-registry",
    ]

    condition {
      test     = "ForAllValues:StringEquals"
      variable = "dynamodb:LeadingKeys"
      values = [
        "web",
      ]
    }
  }

  statement {
    sid    = "LookAtAddresses"
    effect = "Allow"
    actions = [
      "ec2:DescribeAddresses",
    ]
    resources = [
      "*",
    ]
  }

  statement {
    sid    = "LookAtGroup"
    effect = "Allow"
    actions = [
      "autoscaling:DescribeAutoScalingInstances",
      "autoscaling:DescribeLifecycleHooks",
    ]
    resources = [
      "*",
    ]
  }

  statement {
    sid    = "LookAtHolders"
    effect = "Allow"
    actions = [
      "ec2:DescribeInstances",
    ]
    resources = [
      "*",
    ]
  }

  statement {
    sid    = "MoveAddress"
    effect = "Allow"
    actions = [
      "ec2:AssociateAddress",
      "ec2:DisassociateAddress",
    ]
    resources = [
      "arn:aws:ec2:eu-west-1:123456789012:elastic-ip/eipalloc-1",
    ]
  }

  statement {
    sid    = "MoveAddressBetween"
    effect = "Allow"
    actions = [
      "ec2:AssociateAddress",
      "ec2:DisassociateAddress",
    ]
    resources = [
      "arn:aws:ec2:eu-west-1:123456789012:instance/*",
      "arn:aws:ec2:eu-west-1:123456789012:network-interface/*",
    ]
  }

  statement {
    sid    = "MoveAddressOfPool"
    effect = "Allow"
    actions = [
      "ec2:AssociateAddress",
      "ec2:DisassociateAddress",
    ]
    resources = [
      "arn:aws:ec2:eu-west-1:123456789012:elastic-ip/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/pool"
      values = [
        "web",
      ]
    }
  }

  statement {
    sid    = "MoveAddressOfRole"
    effect = "Allow"
    actions = [
      "ec2:AssociateAddress",
      "ec2:DisassociateAddress",
    ]
    resources = [
      "arn:aws:ec2:eu-west-1:123456789012:elastic-ip/*",
    ]

    condition {
      test     = "StringEquals"
      variable = "aws:ResourceTag/sunup-role"
      values = [
        "web",
      ]
    }
  }

  statement {
    sid    = "ReadSecrets"
    effect = "Allow"
    actions = [
      "ssm:GetParameter",
    ]
    resources = [
      "arn:aws:ssm:eu-west-1:123456789012:parameter/web/token",
    ]
  }

  statement {
    sid    = "ReadTags"
    effect = "Allow"
    actions = [
      "ec2:DescribeTags",
    ]
    resources = [
      "*",
    ]
  }

  statement {
    sid    = "RecipeBackup"
    effect = "Deny"
    not_actions = [
      "s3:Get*",
    ]
    not_resources = [
      "%%{x}",
      "arn:aws:s3:::a \"b\"/$${aws:username}",
    ]

    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values = [
        "false",
      ]
    }
  }
}
