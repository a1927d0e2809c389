param identity string
param issuer string
param subject string
param audience string

resource deliveryIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' existing = {
  name: identity
}

resource delivery 'Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials@2024-11-30' = {
  parent: deliveryIdentity
  name: 'delivery'
  properties: {
    issuer: issuer
    subject: subject
    audiences: [audience]
  }
}
