import { asFailure, errnoOf, Failure, messageOf } from '../../core/failure.ts'

/** AWS's own name of an error, e.g. 'ConditionalCheckFailedException' or 'Resource.AlreadyAssociated', of an SDK's error or of a Failure made of one;
 *  undefined where AWS did not answer at all. */
export function awsCode(error: unknown): string | undefined {
  const cause = error instanceof Failure ? error.cause : error
  return cause instanceof Error && statusOf(cause) !== undefined ? cause.name.replace(/^Client\.|^Server\./, '') : undefined
}

/** AWS's own words, without the encoded part that only its owner can read. */
export function awsMessage(error: unknown): string {
  const cause = error instanceof Failure ? error.cause : error
  return messageOf(cause)
    .replace(/\s*Encoded authorization failure message:.*$/s, '')
    // The SDK's own remarks about answers that it can't read.
    .replace(/\n\s*Deserialization error.*$/s, '')
    .trim()
}

/** The SDK found the machine's clock off by this answer, and signs the next request by the service's clock. */
export function isSkewCorrected(error: unknown): boolean {
  return metadataOf(error)?.clockSkewCorrected === true
}

/** An error of the SDK in our words.
 *  @param action as IAM names it, e.g. 'ec2:AssociateAddress'
 *  @param on what it was about, e.g. an allocation id */
export function awsFailure(error: unknown, action: string, on: string | undefined): Failure {
  // The credential provider is ours, and was patient itself.
  if (error instanceof Failure) return error
  const what = on === undefined ? action : `${action} on ${on}`
  const name = error instanceof Error ? error.name.replace(/^Client\.|^Server\./, '') : ''
  const status = statusOf(error)
  const said = awsMessage(error)
  const details = { cause: error }
  if (status === undefined && !NETWORK.has(errnoOf(error) ?? '') && !TRANSIENT.has(name)) {
    if (name === 'CredentialsProviderError' || name === 'TokenProviderError') {
      return new Failure('cloud.denied', `${what}: no credentials: ${said}`, { ...details, hint: 'Give the instance a profile with a role, or set AWS_PROFILE or the access key in the environment.' })
    }
    if (isOurs(error)) return asFailure(error)
    return new Failure('cloud.invalid', `${what} could not be asked: ${said}`, { ...details, hint: 'Look at the region and at AWS_ENDPOINT_URL.' })
  }
  if (THROTTLING.has(name) || status === 429) return new Failure('cloud.throttled', `${what} was throttled: ${said}`, { ...details, hint: 'Too many asked at once: the limit is the account\'s, for a region.' })
  if (EXPIRED.has(name)) return new Failure('cloud.denied', `${what}: the credentials are not valid any more: ${said}`, { ...details, hint: 'Renew them, or look whether the clock of this machine is right.' })
  if (REFUSED.has(name) || isOfCredentials(error)) return new Failure('cloud.denied', `${what}: AWS does not know these credentials: ${said}`, { ...details, hint: 'Look at the access key and its region, or give the instance a profile with a role.' })
  if (DENIED.has(name)) {
    return new Failure('cloud.denied', `${what} was denied: ${said}`, { ...details, hint: 'Add what `sunup policy` prints for the role to the policy of the instance profile (or of the credentials in use).' })
  }
  if (status === undefined) return new Failure('cloud.unreachable', `${what}: no answer: ${said}`, { ...details, hint: 'Look at the route, the security groups and the endpoint: the call needs a public address, a NAT gateway or a VPC endpoint.' })
  if (status >= 500 || TRANSIENT.has(name)) return new Failure('cloud.unreachable', `${what}: the service failed (${status} ${name}): ${said}`, details)
  if (name === 'SyntaxError') return new Failure('cloud.invalid', `${what}: the answer (${status}) is none of AWS`, { ...details, hint: 'Look at AWS_ENDPOINT_URL, and at what stands between.' })
  return new Failure('cloud.invalid', `${what} was refused: ${name}: ${said}`, details)
}

/** EC2 has one name for credentials that it does not know and for what is somebody else's. */
export function isOfCredentials(error: unknown): boolean {
  return awsCode(error) === 'AuthFailure' && /validate the provided access credentials/i.test(awsMessage(error))
}

/** No error that the world makes: those have a code. */
function isOurs(error: unknown): boolean {
  return [TypeError, ReferenceError, RangeError].some(kind => error instanceof kind) && errnoOf(error) === undefined
}

const THROTTLING: ReadonlySet<string> = new Set([
  'BandwidthLimitExceeded', 'EC2ThrottledException', 'LimitExceededException', 'PriorRequestNotComplete', 'ProvisionedThroughputExceededException', 'RequestLimitExceeded',
  'RequestThrottled', 'RequestThrottledException', 'SlowDown', 'ThrottledException', 'Throttling', 'ThrottlingException', 'TooManyRequestsException', 'TransactionInProgressException',
])
const DENIED: ReadonlySet<string> = new Set(['AccessDenied', 'AccessDeniedException', 'UnauthorizedOperation', 'NotAuthorized', 'AuthFailure', 'OptInRequired', 'Blocked'])
const EXPIRED: ReadonlySet<string> = new Set(['ExpiredToken', 'ExpiredTokenException', 'RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture', 'TokenRefreshRequired'])
const REFUSED: ReadonlySet<string> = new Set([
  'InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidAccessKeyId', 'SignatureDoesNotMatch', 'InvalidSignatureException', 'IncompleteSignature',
  'IncompleteSignatureException', 'MissingAuthenticationToken', 'MissingAuthenticationTokenException', 'InvalidToken',
])
/** By name, where neither status nor errno tells. ResourceContention is Auto Scaling's, and is said with 400 by some of its endpoints. */
const TRANSIENT: ReadonlySet<string> = new Set(['TimeoutError', 'RequestTimeout', 'RequestTimeoutException', 'InternalError', 'InternalFailure', 'ServiceUnavailable', 'Unavailable', 'ResourceContention', 'ResourceContentionFault'])
const NETWORK: ReadonlySet<string> = new Set([
  'ECONNRESET', 'ECONNREFUSED', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH', 'ENETDOWN', 'EADDRNOTAVAIL', 'ENOTFOUND', 'EAI_AGAIN', 'EPROTO',
  'ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_CONSTANT', 'HPE_INVALID_EOF_STATE',
])

interface Metadata {
  readonly httpStatusCode?: number
  readonly clockSkewCorrected?: boolean
}

function metadataOf(error: unknown): Metadata | undefined {
  return error instanceof Error ? (error as { readonly $metadata?: Metadata }).$metadata : undefined
}

function statusOf(error: unknown): number | undefined {
  return metadataOf(error)?.httpStatusCode
}
