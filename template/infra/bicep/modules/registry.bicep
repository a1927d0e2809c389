param location string
param tags object
param names object
param privateNetwork bool
param grants array
param imageReaders array

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

// Private endpoints need the Premium tier.
resource registry 'Microsoft.ContainerRegistry/registries@2025-04-01' = {
  // checkov:skip=CKV_AZURE_139:open without privateNetwork, which a release from hosted runners needs; Entra alone lets in
  // checkov:skip=CKV_AZURE_163:Defender for Containers is a choice of the subscription
  // checkov:skip=CKV_AZURE_166:the release scans before it pushes
  name: names.registry
  location: location
  tags: tags
  sku: { name: privateNetwork ? 'Premium' : 'Standard' }
  properties: {
    adminUserEnabled: false
    anonymousPullEnabled: false
    networkRuleBypassOptions: 'AzureServices'
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
  }
}

resource registryGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: registry
    name: guid(registry.id, grant.identity.id, grant.role)
    properties: {
      principalId: grant.identity.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[grant.role]}'
    }
  }
]

resource registryGuest 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for principal in imageReaders: {
    scope: registry
    name: guid(registry.id, principal, 'AcrPull')
    properties: {
      principalId: principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin.AcrPull}'
    }
  }
]

output id string = registry.id
output name string = registry.name
