param location string
param tags object
param names object
param retentionDays int
param privateNetwork bool
param grants array

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' = {
  // checkov:skip=CKV_AZURE_109:open without privateNetwork, which a release from hosted runners needs; Entra alone lets in
  name: names.vault
  location: location
  tags: tags
  properties: {
    tenantId: tenant().tenantId
    sku: { family: 'A', name: 'standard' }
    enableRbacAuthorization: true
    enablePurgeProtection: true
    enableSoftDelete: true
    softDeleteRetentionInDays: retentionDays
    publicNetworkAccess: privateNetwork ? 'Disabled' : 'Enabled'
    networkAcls: {
      bypass: 'AzureServices'
      defaultAction: privateNetwork ? 'Deny' : 'Allow'
    }
  }
}

resource vaultGrant 'Microsoft.Authorization/roleAssignments@2022-04-01' = [
  for grant in grants: {
    scope: vault
    name: guid(vault.id, grant.identity.id, grant.role)
    properties: {
      principalId: grant.identity.principal
      principalType: 'ServicePrincipal'
      roleDefinitionId: '${roles}/${builtin[grant.role]}'
    }
  }
]

output id string = vault.id
output name string = vault.name
