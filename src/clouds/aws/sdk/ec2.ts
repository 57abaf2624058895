// The build makes a file of its own of this: import it dynamically, and only where EC2 is asked.
export {
  AssociateAddressCommand,
  DescribeAddressesCommand,
  DescribeInstancesCommand,
  DescribeTagsCommand,
  DisassociateAddressCommand,
  EC2Client,
} from '@aws-sdk/client-ec2'
