// The build makes a file of its own of this: import it dynamically, and only where the environment or a profile names credentials that must be fetched.
export { fromHttp } from '@aws-sdk/credential-provider-http'
export { fromIni } from '@aws-sdk/credential-provider-ini'
export { fromTokenFile } from '@aws-sdk/credential-provider-web-identity'
export { loadConfig, NODE_REGION_CONFIG_FILE_OPTIONS, NODE_REGION_CONFIG_OPTIONS } from '@smithy/core/config'
