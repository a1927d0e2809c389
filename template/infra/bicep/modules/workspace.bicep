param location string
param tags object
param names object
param storage string
param vault string
param registry string
param insights string
param identity string
param privateNetwork bool
param grants array

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource workspace 'Microsoft.MachineLearningServices/workspaces@2025-06-01' = {
  // checkov:skip=CKV_AZURE_243:with privateNetwork
  name: names.workspace
  location: location
  tags: tags
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identity}': {} }
  }
  properties: {
    friendlyName: names.workspace
    storageAccount: storage
    keyVault: vault
    containerRegistry: registry
    applicationInsights: insights
    primaryUserAssignedIdentity: identity
    systemDatastoresAuthMode: 'Identity'
    v1LegacyMode: false
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    // The registry's own builders cannot reach a private registry.
    imageBuildCompute: privateNetwork ? names.compute : null
    managedNetwork: { isolationMode: privateNetwork ? 'AllowInternetOutbound' : 'Disabled' }
  }
}

resource workspaceGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: workspace
    name: guid(workspace.id, grant.identity.id, grant.role)
    properties: {
      principalId: grant.identity.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[grant.role]}'
    }
  }
]

output id string = workspace.id
output name string = workspace.name
