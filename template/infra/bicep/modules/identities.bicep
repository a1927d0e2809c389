param location string
param tags object
param names object
param kubernetes bool
param managedEndpoint bool

var builtin = loadJsonContent('builtin.json')
var roles = '${subscription().id}/providers/Microsoft.Authorization/roleDefinitions'

resource workspaceIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-workspace'
  location: location
  tags: tags
}

resource trainingIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-training'
  location: location
  tags: tags
}

resource deliveryIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: '${names.identity}-delivery'
  location: location
  tags: tags
}

resource servingIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (managedEndpoint) {
  name: '${names.identity}-serving'
  location: location
  tags: tags
}

resource clusterIdentity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = if (kubernetes) {
  name: '${names.identity}-cluster'
  location: location
  tags: tags
}

// The release gives this identity to the endpoints that it makes.
resource servingAccess 'Microsoft.Authorization/roleAssignments@2022-04-01' = if (managedEndpoint) {
  scope: servingIdentity
  name: guid(servingIdentity.id, deliveryIdentity.id, 'Managed Identity Operator')
  properties: {
    principalId: deliveryIdentity.properties.principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: '${roles}/${builtin['Managed Identity Operator']}'
  }
}

output workspace object = { id: workspaceIdentity.id, principal: workspaceIdentity.properties.principalId }
output training object = { id: trainingIdentity.id, principal: trainingIdentity.properties.principalId }
output delivery object = { id: deliveryIdentity.id, principal: deliveryIdentity.properties.principalId }
output deliveryName string = deliveryIdentity.name
output deliveryClient string = deliveryIdentity.properties.clientId
output serving object = managedEndpoint ? { id: servingIdentity!.id, principal: servingIdentity!.properties.principalId } : {}
output cluster object = kubernetes ? { id: clusterIdentity!.id, principal: clusterIdentity!.properties.principalId } : {}
