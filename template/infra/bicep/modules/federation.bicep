param issuer string
param audience string
@description('Names of identities, and the subject of the tokens that may act as each.')
param trusts array

resource trust 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = [
  for trust in trusts: {
    name: '${trust.identity}/ci'
    properties: {
      issuer: issuer
      subject: trust.subject
      audiences: [audience]
    }
  }
]
